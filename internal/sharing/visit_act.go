package sharing

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// actsPerHour is how often one visitor may do something by one link.
const actsPerHour = 30

// Wait is the error of a visitor who does too much: come again after the pause.
type Wait struct{ For time.Duration }

// Error says how long.
func (w *Wait) Error() string { return fmt.Sprintf("too much at once: wait %s", w.For) }

// ReadInVisit runs f in a reading transaction as the visitor of a session, after all
// that can have changed since the visit began was looked at anew. f gets the path of
// the place and leaves to the decision what the link gives there. The error is a
// *Closed where the visit is over.
func ReadInVisit(ctx context.Context, svc *object.Service, session string, from Visitor, at Place, f func(s *object.Scope, path string) error) error {
	return inVisit(ctx, svc, session, from, at, svc.View, f)
}

// ActInVisit is ReadInVisit for what changes something, in one transaction with it. It
// counts what the visitor does; the error of too much is a *Wait.
func ActInVisit(ctx context.Context, svc *object.Service, session string, from Visitor, at Place, f func(s *object.Scope, path string) error) error {
	var wait time.Duration
	err := inVisit(ctx, svc, session, from, at, svc.Do, func(s *object.Scope, path string) (err error) {
		// Counted in the same transaction: what was refused for another reason was none.
		if wait, err = count(ctx, s, limit{"act/" + s.Caller.Link.ID + "/" + s.Caller.Key, actsPerHour, time.Hour}); err != nil || wait > 0 {
			return err
		}
		return f(s, path)
	})
	if err == nil && wait > 0 {
		return &Wait{For: wait}
	}
	return err
}

func inVisit(ctx context.Context, svc *object.Service, session string, from Visitor, at Place,
	run func(context.Context, *object.Caller, func(*object.Scope) error) error, f func(*object.Scope, string) error) error {
	v, err := findVisit(ctx, svc, session)
	if err != nil {
		return err
	}
	c := visitorCaller(v.workspace, v.at.Slug, v.viewer, from)
	err = run(ctx, c, func(s *object.Scope) error {
		if err := v.read(ctx, s); err != nil {
			return err
		}
		c.Link = v.grant()
		path, err := at.within(v.link.Resource)
		if err != nil {
			return err
		}
		return f(s, path)
	})
	if closed := isClosed(err); closed != nil {
		return errors.Join(closed, svc.Do(ctx, c, func(s *object.Scope) error { return v.deny(ctx, s, closed.Reason) }))
	}
	return err
}

// within is the path of a place at a link to root.
func (p Place) within(root string) (string, error) {
	path := p.Path
	if p.Below != "" {
		path = strings.TrimSuffix(root, "/") + "/" + p.Below
	}
	if path == "" {
		return root, nil
	}
	norm, message := api.Normalise("path", path)
	if message != "" {
		return "", object.NotFound("item", path)
	}
	return norm, nil
}
