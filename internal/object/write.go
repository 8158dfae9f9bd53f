package object

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// WriteOptions are the conditions of one write.
type WriteOptions struct {
	DryRun         bool
	IfMatch        string // etag the caller has seen; "" for any
	CreateOnly     bool   // If-None-Match: *
	Adopt          bool   // take over what exists and nobody's code owns
	IdempotencyKey string
}

// Result is the answer to a write.
type Result struct {
	Object  api.Object // nil after a deletion
	Created bool
}

// Put makes the object be as the document says, creating it when it is missing.
func (s *Service) Put(ctx context.Context, c *Caller, kind *api.Kind, ref string, doc []byte, o WriteOptions) (*Result, error) {
	return s.write(ctx, c, o, func(scope *Scope) (*Result, error) {
		return scope.put(ctx, kind, ref, doc, o)
	})
}

// Create makes a new object; conflict when its key is taken.
func (s *Service) Create(ctx context.Context, c *Caller, kind *api.Kind, doc []byte, o WriteOptions) (*Result, error) {
	o.CreateOnly = true
	return s.write(ctx, c, o, func(scope *Scope) (*Result, error) {
		if done, err := scope.replayed(ctx, kind, doc, o); done != nil || err != nil {
			return done, err
		}
		res, err := scope.put(ctx, kind, "", doc, o)
		if err != nil {
			return nil, err
		}
		return res, scope.remember(ctx, kind, res.Object.GetMeta().ID, doc, o)
	})
}

// Delete destroys an object as its kind says (RESOURCES.md, destroy codes).
func (s *Service) Delete(ctx context.Context, c *Caller, kind *api.Kind, ref string, o WriteOptions) error {
	_, err := s.write(ctx, c, o, func(scope *Scope) (*Result, error) {
		return &Result{}, scope.delete(ctx, kind, ref, o)
	})
	return err
}

// maxRaces is how often a write that named no version is repeated when another one
// comes between its reading and its writing (PostgreSQL; SQLite has one writer).
const maxRaces = 9

func (s *Service) write(ctx context.Context, c *Caller, o WriteOptions, f func(*Scope) (*Result, error)) (*Result, error) {
	aside := map[string]string{}
	for race := 0; ; race++ {
		out, err := s.writeOnce(ctx, c, o, aside, f)
		if err == nil {
			return out, nil
		}
		var p *api.Problem
		raced := errors.As(err, &p) && p.Code() == api.CodePreconditionFailed && o.IfMatch == ""
		if !raced || race == maxRaces {
			return nil, err
		}
	}
}

// writeOnce makes a change, from its beginning after each of its interludes (Aside).
func (s *Service) writeOnce(ctx context.Context, c *Caller, o WriteOptions, aside map[string]string, f func(*Scope) (*Result, error)) (*Result, error) {
	for {
		var out *Result
		err := s.do(ctx, c, o.DryRun, func(scope *Scope) error {
			scope.aside = aside
			res, err := f(scope)
			out = res
			return err
		})
		again, err := playInterlude(ctx, err, aside)
		if err != nil {
			return nil, err
		}
		if !again {
			return out, nil
		}
	}
}

func (s *Scope) put(ctx context.Context, kind *api.Kind, ref string, doc []byte, o WriteOptions) (*Result, error) {
	// Refuse strangers before telling them anything about what exists.
	if err := s.Require(ctx, kind.ReadPermission()); err != nil {
		return nil, err
	}
	obj, violations, err := kind.Decode(doc)
	if err != nil {
		return nil, err
	}
	key := ref
	if obj != nil {
		if key = kind.KeyOf(obj); kind.Singleton {
			key = kind.Name
		}
	}
	if ref == "" {
		ref = key
	}
	var old api.Object
	var row *store.Row
	if ref != "" {
		old, row, err = s.load(ctx, kind, ref)
		if p := (*api.Problem)(nil); errors.As(err, &p) && p.Code() == api.CodeNotFound {
			old, row, err = nil, nil, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if row != nil && kind.IsID(ref) {
		if err := s.hideUnseen(ctx, kind, old, ref); err != nil {
			return nil, err
		}
	}
	if len(violations) > 0 {
		return nil, api.InvalidObject(kind.Name, ref, violations)
	}
	if !kind.Singleton && row == nil && ref != key && !kind.IsID(ref) && s.keyOf(kind, ref) != key {
		return nil, api.InvalidObject(kind.Name, ref, []api.Violation{api.Invalid("", "the address says %q and the document says %q; they must agree", ref, key)})
	}
	if !kind.Singleton && row == nil && kind.IsID(ref) && ref != key {
		return nil, NotFound(kind.Name, ref)
	}
	if o.IfMatch != "" && (old == nil || old.GetMeta().ETag != o.IfMatch) {
		return nil, staleProblem(kind, ref)
	}
	c := &change{Scope: s, kind: kind, old: old, new: obj}
	if row == nil && !kind.Singleton && !kind.View {
		c.old = nil
	}
	if err := s.authoriseChange(ctx, c); err != nil {
		return nil, err
	}
	// After the decision: who may not make it need not know that it exists.
	if row != nil && o.CreateOnly && !kind.Singleton && !o.Adopt {
		again, err := mayRecreate(kind, old)
		if err != nil {
			return nil, err
		}
		if !again {
			return nil, existsProblem(kind, old)
		}
	}
	if err := s.checkOwnership(ctx, c, row, o); err != nil {
		return nil, err
	}
	return s.store(ctx, c, row)
}

// store validates, completes and writes an authorised change.
func (s *Scope) store(ctx context.Context, c *change, row *store.Row) (*Result, error) {
	r, err := rulesOf(c.kind)
	if err != nil {
		return nil, err
	}
	// First, because it takes the lock that the checks below rely on.
	if err := s.bumpFor(ctx, r); err != nil {
		return nil, err
	}
	if c.old != nil {
		carryReadOnly(c.kind, c.old, c.new)
	}
	violations, err := s.validate(ctx, r, c)
	if err != nil {
		return nil, err
	}
	if len(violations) > 0 {
		return nil, api.InvalidObject(c.kind.Name, c.kind.KeyOf(c.new), violations)
	}
	secrets := takeSecrets(c.kind, c.new)
	given := len(secrets) > 0
	if given && r.secrets != nil {
		if err := r.secrets(ctx, c, secrets); err != nil {
			return nil, err
		}
	}
	if r.prepare != nil {
		if err := r.prepare(ctx, c); err != nil {
			return nil, err
		}
	}
	before, err := encodeOptional(c.old)
	if err != nil {
		return nil, err
	}
	after, err := encodeDoc(c.new)
	if err != nil {
		return nil, err
	}
	next := s.nextRow(c, row)
	if row != nil && bytes.Equal(before, after) && !given && row.Manager == next.Manager && row.Stack == next.Stack {
		return &Result{Object: c.old}, nil
	}
	if err := s.save(ctx, r, c, row, next); err != nil {
		return nil, err
	}
	s.sharing = nil
	if err := s.keepSecrets(ctx, next.ID, secrets); err != nil {
		return nil, err
	}
	if r.after != nil {
		if err := r.after(ctx, c); err != nil {
			return nil, err
		}
	}
	verb := "updated"
	if row == nil && !c.kind.Singleton {
		verb = "created"
	}
	effect := audit.EffectUnknown
	if r.effect != nil {
		effect = r.effect(c.old, c.new)
	}
	if c.kind.View {
		// The rows behind a view are recorded one by one.
		if before, err = r.bare(c.kind, before); err != nil {
			return nil, err
		}
		if after, err = r.bare(c.kind, after); err != nil {
			return nil, err
		}
	}
	if err := s.Record(c.kind.Name+"."+verb, target(c.kind, c.new), effect, before, after, s.overrideReasons(row, next)...); err != nil {
		return nil, err
	}
	return &Result{Object: c.new, Created: row == nil}, nil
}

// nextRow prepares the row of a change: identity, version and ownership.
func (s *Scope) nextRow(c *change, row *store.Row) *store.Row {
	manager, stack := s.Caller.manager()
	next := &store.Row{WorkspaceID: s.WorkspaceID, Kind: c.kind.Name, Version: 1, CreatedAt: s.Now, UpdatedAt: s.Now, Manager: manager, Stack: stack, ManagedAt: s.Now}
	if row != nil {
		next.ID, next.Version, next.CreatedAt = row.ID, row.Version+1, row.CreatedAt
		if row.Manager == api.ManagedByTerraform && manager != api.ManagedByTerraform {
			// A hand edit of a code-owned object is drift, not a change of owner.
			next.Manager, next.Stack, next.ManagedAt = row.Manager, row.Stack, row.ManagedAt
			next.ChangeContext = row.ChangeContext
		}
	} else if c.kind.Singleton || c.kind.View {
		next.ID = s.stableID(c.kind, s.keyOf(c.kind, c.kind.KeyOf(c.new)))
	} else {
		next.ID = store.NewID(c.kind.Prefix, s.Now)
	}
	next.Key = c.kind.KeyOf(c.new)
	if c.kind.Singleton {
		next.Key = c.kind.Name
	}
	if next.Manager == api.ManagedByTerraform && manager == api.ManagedByTerraform && !s.Caller.ChangeContext.IsZero() {
		cc, err := json.Marshal(s.Caller.ChangeContext)
		if err == nil {
			next.ChangeContext = string(cc)
		}
	}
	return next
}

// save writes the row and fills in Meta of the new object.
func (s *Scope) save(ctx context.Context, r *erased, c *change, row, next *store.Row) error {
	_, err := r.fill(c.kind, c.new, next)
	if err != nil {
		return err
	}
	if row == nil {
		err = r.table.Insert(ctx, s.Tx, next)
	} else {
		err = r.table.Update(ctx, s.Tx, next, row.Version)
	}
	switch {
	case errors.Is(err, store.ErrExists):
		return existsProblem(c.kind, c.new)
	case errors.Is(err, store.ErrStale):
		return staleProblem(c.kind, next.Key)
	case err != nil:
		return err
	}
	*c.new.GetMeta() = metaOf(c.kind, next, s.Slug)
	return nil
}

func metaOf(kind *api.Kind, row *store.Row, slug string) api.Meta {
	created, updated, managed := row.CreatedAt, row.UpdatedAt, row.ManagedAt
	m := api.Meta{ID: row.ID, Key: row.Key, ETag: fmt.Sprintf("%x", row.Version), CreatedAt: &created, UpdatedAt: &updated,
		ManagedBy: &api.ManagedBy{Kind: row.Manager, Stack: row.Stack, At: &managed}}
	if kind.Singleton {
		m.Key = slug
	}
	if row.ChangeContext != "" {
		var cc api.ChangeContext
		if json.Unmarshal([]byte(row.ChangeContext), &cc) == nil {
			m.ManagedBy.ChangeContext = &cc
		}
	}
	return m
}

func (s *Scope) delete(ctx context.Context, kind *api.Kind, ref string, o WriteOptions) error {
	if err := s.Require(ctx, kind.ReadPermission()); err != nil {
		return err
	}
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	old, row, err := s.load(ctx, kind, ref)
	if err != nil {
		return err
	}
	if err := s.hideUnseen(ctx, kind, old, ref); err != nil {
		return err
	}
	if o.IfMatch != "" && old.GetMeta().ETag != o.IfMatch {
		return staleProblem(kind, ref)
	}
	c := &change{Scope: s, kind: kind, old: old}
	if err := s.authoriseChange(ctx, c); err != nil {
		return err
	}
	if row == nil {
		return nil // a default that nobody declared: there is nothing to let go of
	}
	if err := s.checkOwnership(ctx, c, row, o); err != nil {
		return err
	}
	if kind.Singleton {
		if left, err := s.destroySingleton(ctx, c, r, row); left || err != nil {
			return err
		}
	}
	return s.destroy(ctx, c, r, row)
}

// hideUnseen answers for an object that the caller may not see as if it were not
// there: a refusal would name it.
func (s *Scope) hideUnseen(ctx context.Context, kind *api.Kind, obj api.Object, ref string) error {
	ok, err := s.visible(ctx, kind, obj)
	if err != nil {
		return err
	}
	return notFoundIf(!ok, kind, ref)
}

// destroy removes an object, or turns it into what its rules say.
func (s *Scope) destroy(ctx context.Context, c *change, r *erased, row *store.Row) error {
	if err := s.bumpFor(ctx, r); err != nil {
		return err
	}
	before, err := encodeDoc(c.old)
	if err != nil {
		return err
	}
	verb := destroyVerb(c.kind)
	if r.destroyed != "" {
		verb = r.destroyed
	}
	var left api.Object
	if r.destroy != nil {
		if left, err = r.destroy(ctx, c); err != nil {
			return err
		}
	}
	if left != nil {
		next := s.nextRow(&change{Scope: s, kind: c.kind, old: c.old, new: left}, row)
		// Whoever destroyed it owns it no longer.
		next.Manager, next.Stack, next.ChangeContext = api.ManagedByManual, "", ""
		if err := s.save(ctx, r, &change{Scope: s, kind: c.kind, old: c.old, new: left}, row, next); err != nil {
			return err
		}
		after, err := encodeDoc(left)
		if err != nil {
			return err
		}
		return s.Record(c.kind.Name+"."+verb, target(c.kind, c.old), audit.EffectNarrowed, before, after)
	}
	if err := r.table.Delete(ctx, s.Tx, s.WorkspaceID, c.kind.Name, row.ID, row.Version); err != nil {
		if errors.Is(err, store.ErrStale) {
			return staleProblem(c.kind, row.Key)
		}
		return err
	}
	s.sharing = nil
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM sealed_secret WHERE workspace_id = $1 AND object_id = $2`, s.WorkspaceID, row.ID); err != nil {
		return fmt.Errorf("removing secrets: %w", err)
	}
	if r.after != nil {
		if err := r.after(ctx, c); err != nil {
			return err
		}
	}
	effect := audit.EffectNarrowed
	if r.effect != nil {
		effect = r.effect(c.old, nil)
	}
	if c.kind.View {
		if before, err = r.bare(c.kind, before); err != nil {
			return err
		}
	}
	return s.Record(c.kind.Name+"."+verb, target(c.kind, c.old), effect, before, nil)
}

func target(kind *api.Kind, obj api.Object) audit.Target {
	m := obj.GetMeta()
	return audit.Target{Kind: kind.Name, ID: m.ID, Key: m.Key}
}

func encodeOptional(obj api.Object) (json.RawMessage, error) {
	if obj == nil {
		return nil, nil
	}
	return encodeDoc(obj)
}

func existsProblem(kind *api.Kind, obj api.Object) *api.Problem {
	p := api.NewProblem(api.CodeConflict, "A %s %q exists already. Import it (terraform import) or choose another name.", kind.Name, kind.KeyOf(obj))
	return p
}

func staleProblem(kind *api.Kind, ref string) *api.Problem {
	return api.NewProblem(api.CodePreconditionFailed, "The %s %q has changed since it was read. Read it again and repeat the change.", kind.Name, ref)
}
