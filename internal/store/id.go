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
	last uint64
}

// NewID makes an id: the prefix and 26 characters that sort by time of creation
// (48 bits of milliseconds, 80 random bits). Ids of one process never go backwards.
func NewID(prefix string, now time.Time) string {
	var b [16]byte
	_, _ = rand.Read(b[6:]) // crypto/rand.Read never fails
	ms := uint64(now.UnixMilli())
	idClock.Lock()
	if ms < idClock.last {
		ms = idClock.last
	}
	idClock.last = ms
	idClock.Unlock()
	var t [8]byte
	binary.BigEndian.PutUint64(t[:], ms)
	copy(b[:6], t[2:])
	return prefix + "_" + idEncoding.EncodeToString(b[:])
}
