package object

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// shelves holds rows that were taken out of their tables and may be put back: nothing
// that decides or lists reads it.
var shelves = store.Table{Name: "trash_row", Extra: []string{"shelf"}}

// Shelved is an object on a shelf.
type Shelved struct {
	Kind   *api.Kind
	Object api.Object
	row    *store.Row
}

// ManagedBySCIM tells of rows that an identity provider's connection owns.
func (o *Shelved) ManagedBySCIM() bool { return o.row.Manager == api.ManagedBySCIM }

// Shelve keeps copies of objects on a shelf. Their rows stay where they are: the change
// under way deletes them, or RemoveDerived.
func (s *Scope) Shelve(ctx context.Context, kind *api.Kind, shelf string, objs ...api.Object) error {
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	ids := make([]string, len(objs))
	for i, obj := range objs {
		ids[i] = obj.GetMeta().ID
	}
	return r.table.CopyTo(ctx, s.Tx, shelves, s.WorkspaceID, kind.Name, ids, shelf)
}

// OnShelf reads what of a kind is on a shelf, in key order. Hydrate does not run.
func (s *Scope) OnShelf(ctx context.Context, kind *api.Kind, shelf string) ([]*Shelved, error) {
	var out []*Shelved
	after := ""
	for {
		rows, err := shelves.List(ctx, s.Tx, s.WorkspaceID, kind.Name, after, api.MaxPageSize, store.Condition{Column: "shelf", Value: shelf})
		if err != nil {
			return nil, err
		}
		for _, row := range rows {
			obj, err := fromRow(kind, row)
			if err != nil {
				return nil, err
			}
			out = append(out, &Shelved{kind, obj, row})
		}
		if len(rows) < api.MaxPageSize {
			return out, nil
		}
		after = rows[len(rows)-1].Key
	}
}

// PutBack writes objects of one kind from a shelf into their table again, with the ids
// that they had. Whoever puts them back owns them: who owned them let go. Objects may
// have been changed meanwhile; they are audited as restored.
func (s *Scope) PutBack(ctx context.Context, kind *api.Kind, how How, back ...*Shelved) error {
	r, err := rulesOf(kind)
	if err != nil || len(back) == 0 {
		return err
	}
	manager, stack := s.Caller.manager()
	rows := make([]*store.Row, len(back))
	for i, o := range back {
		row := *o.row
		row.Version, row.UpdatedAt = row.Version+1, s.Now
		row.Manager, row.Stack, row.ManagedAt, row.ChangeContext = manager, stack, s.Now, ""
		after, err := r.fill(kind, o.Object, &row)
		if err != nil {
			return err
		}
		*o.Object.GetMeta() = metaOf(kind, &row, s.Slug)
		rows[i] = &row
		if err := s.Record(kind.Name+".restored", target(kind, o.Object), how.Effect, nil, after, how.Reasons...); err != nil {
			return err
		}
	}
	if err := r.table.SaveAll(ctx, s.Tx, rows); err != nil {
		if errors.Is(err, store.ErrExists) {
			return api.NewProblem(api.CodeConflict, "A %s with the same key exists already.", kind.Name)
		}
		return err
	}
	return nil
}

// ClearShelf deletes everything on a shelf for good.
func (s *Scope) ClearShelf(ctx context.Context, shelf string) error {
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM trash_row WHERE workspace_id = $1 AND shelf = $2`, s.WorkspaceID, shelf); err != nil {
		return fmt.Errorf("clearing a shelf: %w", err)
	}
	return nil
}

// DecideAbout decides an item permission of the caller on an item that is not in the
// tree: leaf tells what it was like, and its place is where it lay. What is given on
// whatever is at its path now is not given on it. Like DecideOn it leaves out the
// narrowing of the caller's token, which RequireAbout asks as well.
func (s *Scope) DecideAbout(ctx context.Context, leaf access.Node, permission string) (access.Decision, error) {
	return s.decideAbout(ctx, leaf, permission, nil)
}

// RequireAbout answers a forbidden problem unless the caller, by its token too, has a
// permission on an item that is not in the tree.
func (s *Scope) RequireAbout(ctx context.Context, leaf access.Node, permission string) error {
	if s.Caller.Kind == PrincipalSystem {
		return nil
	}
	subj, err := s.callerSubject(ctx)
	if err != nil {
		return err
	}
	return refuse(s.decideAbout(ctx, leaf, permission, subj.Token))
}

func (s *Scope) decideAbout(ctx context.Context, leaf access.Node, permission string, token *access.Token) (access.Decision, error) {
	item, err := s.Item(ctx, leaf.Path)
	if err != nil {
		return access.Decision{}, err
	}
	about := *item
	about.Kind, about.Collections = leaf.Kind, nil
	about.Chain = append(append([]access.Node{}, item.Chain[:len(item.Chain)-1]...), leaf)
	return s.decide(ctx, permission, func(e *access.Engine, subj *access.Subject, rc *access.RequestContext) access.Decision {
		own := *subj
		own.Token = token
		own.Grants = make(map[string][]access.Grant, len(subj.Grants))
		for path, grants := range subj.Grants {
			if path != leaf.Path {
				own.Grants[path] = grants
			}
		}
		own.Assignments = nil
		for _, a := range subj.Assignments {
			if a.Scope != leaf.Path {
				own.Assignments = append(own.Assignments, a)
			}
		}
		return e.Check(&own, &about, permission, rc)
	})
}

// Active reports whether the caller may act in the workspace at all: strangers and
// people who were suspended learn nothing, not even that something is missing.
func (s *Scope) Active(ctx context.Context) error {
	if s.Caller.Kind == PrincipalSystem {
		return nil
	}
	if s.Caller.Kind == PrincipalOperator {
		return api.NewProblem(api.CodeForbidden, "You may not do this: operators run the deployment and hold no access inside a workspace.")
	}
	subj, err := s.callerSubject(ctx)
	if err != nil {
		return err
	}
	if !subj.Active {
		return api.NewProblem(api.CodeForbidden, "You may not do this: %s has no active account in this workspace.", s.Caller.Principal())
	}
	return nil
}
