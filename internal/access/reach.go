package access

import (
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// OpensToAnyone reports whether an enforced attribute policy can allow the
// permission to somebody who holds nothing. Whoever looks for all principals or all
// items then has to ask about every one of them.
func (e *Engine) OpensToAnyone(permission string) bool {
	for _, b := range e.enforced[permission] {
		if b.whole.Effect() == cedar.Permit {
			return true
		}
	}
	return false
}

// Reach names the places outside of which the subject's own rows give it nothing
// for an item permission: the items that its grants and assignments are on.
// everywhere is true when no place can be left out. What its teams and itself own
// comes in addition; the rows that say so are not in the subject. Reach decides
// nothing: ask Check about what lies inside.
func (e *Engine) Reach(s *Subject, permission string, now time.Time) (paths []string, everywhere bool) {
	p, ok := vocabulary.Lookup(permission)
	if !ok || s == nil {
		return nil, false
	}
	if e.OpensToAnyone(permission) || p.Governance && s.Role.Governs() {
		return nil, true
	}
	for path, grants := range s.Grants {
		for i := range grants {
			if live(grants[i].ExpiresAt, now) {
				paths = append(paths, path)
				break
			}
		}
	}
	for i := range s.Assignments {
		if a := &s.Assignments[i]; live(a.ExpiresAt, now) {
			paths = append(paths, a.Scope)
		}
	}
	return paths, false
}

func live(expires, now time.Time) bool { return expires.IsZero() || now.Before(expires) }
