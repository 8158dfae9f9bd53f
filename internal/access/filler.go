package access

import (
	"sync"

	"github.com/cedar-policy/cedar-go"
	"github.com/cedar-policy/cedar-go/types"
)

// filler collects the attributes of one entity, or of the context, that are read.
type filler struct {
	reads attributes
	plain plainRecord
	other cedar.RecordMap // what few requests share
}

// plainRecord is a record of what many requests share: flags, the level, and words of
// which there are few.
type plainRecord struct {
	set, flags                 attributes
	level                      int64
	kind, role, classification string
}

func (f *filler) wants(a attribute) bool { return f.reads&(1<<a) != 0 }

func (f *filler) put(a attribute, v cedar.Value) {
	if !f.wants(a) {
		return
	}
	if f.other == nil {
		f.other = make(cedar.RecordMap, 8)
	}
	f.other[attributeNames[a]] = v
}

func (f *filler) text(a attribute, s string) {
	if !f.wants(a) {
		return
	}
	switch a {
	case attrKind:
		f.plain.kind = s
	case attrWorkspaceRole:
		f.plain.role = s
	case attrClassification:
		f.plain.classification = s
	default:
		f.put(a, types.String(s))
		return
	}
	f.plain.set |= 1 << a
}

func (f *filler) number(a attribute, n int64) {
	switch {
	case !f.wants(a):
	case a == attrLevel:
		f.plain.set |= 1 << a
		f.plain.level = n
	default:
		f.put(a, types.Long(n))
	}
}

func (f *filler) flag(a attribute, b bool) {
	if !f.wants(a) {
		return
	}
	f.plain.set |= 1 << a
	if b {
		f.plain.flags |= 1 << a
	}
}

func (f *filler) record() cedar.Record {
	if f.other == nil {
		return plainRecords.of(f.plain)
	}
	f.plain.into(f.other)
	return cedar.NewRecord(f.other)
}

func (p plainRecord) into(m cedar.RecordMap) {
	for a := range attributeCount {
		if p.set&(1<<a) == 0 {
			continue
		}
		var v cedar.Value
		switch a {
		case attrLevel:
			v = types.Long(p.level)
		case attrKind:
			v = types.String(p.kind)
		case attrWorkspaceRole:
			v = types.String(p.role)
		case attrClassification:
			v = types.String(p.classification)
		default:
			v = types.Boolean(p.flags&(1<<a) != 0)
		}
		m[attributeNames[a]] = v
	}
}

// records keeps plain records, because Cedar copies and hashes a record each time that
// one is made, which costs more than the decision.
type records struct {
	mu sync.RWMutex
	m  map[plainRecord]cedar.Record
}

var plainRecords records

// maxRecords bounds the memory; beyond it, it starts again.
const maxRecords = 4096

func (r *records) of(p plainRecord) cedar.Record {
	r.mu.RLock()
	rec, ok := r.m[p]
	r.mu.RUnlock()
	if ok {
		return rec
	}
	m := cedar.RecordMap{}
	p.into(m)
	rec = cedar.NewRecord(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.m == nil || len(r.m) >= maxRecords {
		r.m = map[plainRecord]cedar.Record{}
	}
	r.m[p] = rec
	return rec
}
