package access

import (
	"errors"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Holds evaluates a condition about a subject, an item (the root when nil) and a
// request by itself, as the condition of a grant is: level and roles are not part of
// it. Callers decide what an error means; it must never open anything.
func (e *Engine) Holds(condition string, s *Subject, item *Item, rc *RequestContext) (bool, error) {
	if s == nil || rc == nil || rc.Time.IsZero() {
		return false, errors.New("no subject or no request was given")
	}
	if item == nil {
		item = e.root()
	}
	if s.Workspace != e.workspace || item.Workspace != e.workspace {
		return false, errors.New("the subject, the item and the policies belong to different workspaces")
	}
	v, err := viewOf(item)
	if err != nil {
		return false, err
	}
	return e.evaluateCondition(condition, &resolver{engine: e, subject: s, self: s.Principal.String(), view: v, request: rc, action: e.rules.actions[vocabulary.AssetRead]})
}
