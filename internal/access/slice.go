package access

import (
	"iter"
	"sync/atomic"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/cedarcheck"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// entry is a policy with what explain says about it.
type entry struct {
	id    cedar.PolicyID
	kind  ReasonKind
	text  string
	needs string
	// wild are the wildcard paths whose coverage must be handed to Cedar.
	wild    []vocabulary.PathPattern
	expires time.Time
	// whole is the policy as written, over all its actions.
	whole *cedar.Policy
	// reads are the attributes that the policy refers to.
	reads attributes
}

func newEntry(id string, whole *cedar.Policy) *entry {
	e := &entry{id: cedar.PolicyID(id), whole: whole, reads: allAttributes}
	if names, known := cedarcheck.Attributes(whole); known {
		e.reads = attributesOf(names)
	}
	return e
}

// binding is an entry for one action.
type binding struct {
	*entry
	action cedar.EntityUID
	single atomic.Pointer[cedar.Policy]
}

// policy is the form of the entry to evaluate for the action. It is narrowed to
// that action when first needed: Cedar builds the set of `action in […]` anew at
// every evaluation, which for a wildcard is the whole catalogue.
func (b *binding) policy() *cedar.Policy {
	if p := b.single.Load(); p != nil {
		return p
	}
	p := b.whole
	if cedarcheck.HasActionSet(p) {
		p = cedarcheck.NarrowAction(p, b.action)
	}
	b.single.Store(p)
	return p
}

// compiled maps a permission to the policies that can match it.
type compiled map[string][]*binding

func (c compiled) add(e *entry, permissions []string) {
	for _, name := range permissions {
		c[name] = append(c[name], &binding{entry: e, action: actionUID(name)})
	}
}

// slice is the policies that one decision evaluates; it is a
// cedar.PolicyIterator.
type slice []*binding

// All yields every policy of the slice.
func (s slice) All() iter.Seq2[cedar.PolicyID, *cedar.Policy] {
	return func(yield func(cedar.PolicyID, *cedar.Policy) bool) {
		for _, b := range s {
			if !yield(b.id, b.policy()) {
				return
			}
		}
	}
}

func (s slice) find(id cedar.PolicyID) *entry {
	for _, b := range s {
		if b.id == id {
			return b.entry
		}
	}
	return nil
}

// reads is the union of what the policies refer to.
func (s slice) reads() attributes {
	var all attributes
	for _, b := range s {
		all |= b.entry.reads
	}
	return all
}

// live drops the policies that have expired.
func (s slice) live(now time.Time) slice {
	var kept slice
	for i, b := range s {
		expired := !b.expires.IsZero() && !now.Before(b.expires)
		switch {
		case expired && kept == nil:
			kept = append(make(slice, 0, len(s)), s[:i]...)
		case !expired && kept != nil:
			kept = append(kept, b)
		}
	}
	if kept == nil {
		return s
	}
	return kept
}
