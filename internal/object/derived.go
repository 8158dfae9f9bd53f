package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// How says how derived writes are recorded and who owns them afterwards. The zero
// How is right for most: the caller owns what is new, what exists keeps the owner
// that an edit by the caller would leave it, and events are called created, updated
// and deleted (or revoked).
type How struct {
	Manager, Stack string       // owner of the rows; "" for the caller's
	Keep           bool         // what exists keeps its owner, whoever the caller is
	Verb           string       // verb of the audit event
	Effect         audit.Effect // "" asks the kind's rules
	Reasons        []string
}

// SaveDerived writes objects as a consequence of the change under way: authorised
// and checked already, stored and audited like any other, in few statements however
// many they are. Objects whose Meta.ID is set replace the row of that id (and may
// change its key); others are new. Hooks of their rules do not run, but for Columns,
// Strip and Effect. Call BumpAuthz first when decisions depend on them.
func (s *Scope) SaveDerived(ctx context.Context, kind *api.Kind, how How, objs ...api.Object) error {
	if len(objs) == 0 {
		return nil
	}
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	was, err := s.rowsOf(ctx, r, kind, objs)
	if err != nil {
		return err
	}
	rows := make([]*store.Row, len(objs))
	type entry struct {
		verb          string
		before, after json.RawMessage
		old           api.Object
	}
	entries := make([]entry, len(objs))
	for i, obj := range objs {
		row := was[obj.GetMeta().ID]
		if row == nil && obj.GetMeta().ID != "" {
			return staleProblem(kind, kind.KeyOf(obj))
		}
		e := entry{verb: "created"}
		if row != nil {
			e.verb, e.before = "updated", json.RawMessage(row.Doc)
			if e.old, err = fromRow(kind, row); err != nil {
				return err
			}
		}
		next := s.nextRow(&change{Scope: s, kind: kind, new: obj}, row)
		switch {
		case how.Keep && row != nil:
			next.Manager, next.Stack, next.ManagedAt, next.ChangeContext = row.Manager, row.Stack, row.ManagedAt, row.ChangeContext
		case how.Manager != "":
			next.Manager, next.Stack, next.ManagedAt, next.ChangeContext = how.Manager, how.Stack, s.Now, ""
		}
		if e.after, err = r.fill(kind, obj, next); err != nil {
			return err
		}
		*obj.GetMeta() = metaOf(kind, next, s.Slug)
		rows[i], entries[i] = next, e
	}
	if err := r.table.SaveAll(ctx, s.Tx, rows); err != nil {
		if errors.Is(err, store.ErrExists) {
			return api.NewProblem(api.CodeConflict, "A %s with the same key exists already.", kind.Name)
		}
		return err
	}
	for i, obj := range objs {
		e := entries[i]
		if how.Verb != "" {
			e.verb = how.Verb
		}
		effect := how.Effect
		if effect == "" && r.effect != nil {
			effect = r.effect(e.old, obj)
		}
		if err := s.Record(kind.Name+"."+e.verb, target(kind, obj), effect, e.before, e.after, how.Reasons...); err != nil {
			return err
		}
	}
	return nil
}

// RemoveDerived deletes objects as a consequence of the change under way; each is
// audited. They must have been read in this transaction.
func (s *Scope) RemoveDerived(ctx context.Context, kind *api.Kind, how How, objs ...api.Object) error {
	if len(objs) == 0 {
		return nil
	}
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	verb := how.Verb
	if verb == "" {
		verb = destroyVerb(kind)
	}
	ids := make([]string, len(objs))
	for i, obj := range objs {
		ids[i] = obj.GetMeta().ID
		before, err := encodeDoc(obj)
		if err != nil {
			return err
		}
		effect := how.Effect
		if effect == "" {
			effect = audit.EffectNarrowed
			if r.effect != nil {
				effect = r.effect(obj, nil)
			}
		}
		if err := s.Record(kind.Name+"."+verb, target(kind, obj), effect, before, nil, how.Reasons...); err != nil {
			return err
		}
	}
	return r.table.RemoveAll(ctx, s.Tx, s.WorkspaceID, kind.Name, ids)
}

func (s *Scope) rowsOf(ctx context.Context, r *erased, kind *api.Kind, objs []api.Object) (map[string]*store.Row, error) {
	var ids []string
	for _, obj := range objs {
		if id := obj.GetMeta().ID; id != "" {
			ids = append(ids, id)
		}
	}
	return r.table.ByIDs(ctx, s.Tx, s.WorkspaceID, kind.Name, ids)
}

// fill writes an object into its row: the document without what Hydrate fills in,
// and the table's own columns. It returns the whole document, for the audit log.
func (r *erased) fill(kind *api.Kind, obj api.Object, row *store.Row) (json.RawMessage, error) {
	whole, err := encodeDoc(obj)
	if err != nil {
		return nil, err
	}
	stored, err := r.bare(kind, whole)
	if err != nil {
		return nil, err
	}
	row.Doc = string(stored)
	if r.columns != nil {
		row.Extra = r.columns(obj)
	}
	return whole, nil
}

// bare is a document without what Hydrate fills in.
func (r *erased) bare(kind *api.Kind, whole json.RawMessage) (json.RawMessage, error) {
	if r.strip == nil || whole == nil {
		return whole, nil
	}
	obj := kind.New()
	if err := json.Unmarshal(whole, obj); err != nil {
		return nil, fmt.Errorf("copying %s: %w", kind.Name, err)
	}
	r.strip(obj)
	return encodeDoc(obj)
}

// FromRow decodes a stored row for use-cases that read across workspaces; slug is
// that of the row's workspace. Hydrate does not run.
func FromRow(kind *api.Kind, row *store.Row, slug string) (api.Object, error) {
	obj, err := fromRow(kind, row)
	if err == nil && kind.Singleton {
		obj.GetMeta().Key = slug
	}
	return obj, err
}

// destroyVerb is what the audit log calls the end of an object of the kind.
func destroyVerb(kind *api.Kind) string {
	switch kind.Destroy {
	case api.DestroyRevoke:
		return "revoked"
	case api.DestroySuspend:
		return "suspended"
	case api.DestroyClose:
		return "closure_started"
	case api.DestroyTombstone:
		return "closed"
	}
	return "deleted"
}

// EndDerived destroys an object as its kind says (a guest is suspended) as a
// consequence of the change under way: authorised already, and whoever owns it.
func (s *Scope) EndDerived(ctx context.Context, kind *api.Kind, ref, reason string) error {
	r, err := rulesOf(kind)
	if err != nil {
		return err
	}
	old, row, err := s.load(ctx, kind, ref)
	if err != nil || row == nil {
		return err
	}
	if err := s.destroy(ctx, &change{Scope: s, kind: kind, old: old}, r, row); err != nil {
		return err
	}
	last := &s.events[len(s.events)-1]
	last.Reasons = append(last.Reasons, reason)
	return nil
}
