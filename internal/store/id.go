package store

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"sync"
	"time"
)

var idEncoding = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

var idClock struct {
	sync.Mutex
	last uint64 // milliseconds
	next uint16 // within them
}

// NewID makes an id: the prefix and 26 characters that sort by time of creation
// (48 bits of milliseconds, a 16-bit counter within them, 64 random bits). Ids of
// one process come in the order in which they were made, so that the audit events of
// one change do.
func NewID(prefix string, now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[8:]) // crypto/rand.Read never fails
	ms := uint64(now.UnixMilli())
	idClock.Lock()
	if ms > idClock.last {
		idClock.last, idClock.next = ms, 0
	} else if idClock.next++; idClock.next == 0 {
		idClock.last++ // more than 65,536 in a millisecond: borrow from the next
	}
	ms, n := idClock.last, idClock.next
	idClock.Unlock()
	binary.BigEndian.PutUint64(b[:8], ms<<16|uint64(n))
	return prefix + "_" + idEncoding.EncodeToString(b[:])
}
