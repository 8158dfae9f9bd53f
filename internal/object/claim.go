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

// Claim is one object whose ownership a stack takes over or lets go of.
type Claim struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
}

// Refusal says why an object could not be claimed or released.
type Refusal struct {
	Claim
	Reason string `json:"reason"`
}

// maxClaims bounds one call of Claim or Release; callers page.
const maxClaims = 5000

// Reasons why an object is neither claimed nor released.
const (
	reasonNoKind   = "there is no such kind"
	reasonNoObject = "it does not exist"
	reasonSCIM     = "it is provisioned by SCIM"
)

// Claim stamps the caller's stack on objects that it manages but never had to write.
func (s *Service) Claim(ctx context.Context, c *Caller, claims []Claim, dry bool) (int, []Refusal, error) {
	return s.eachClaimed(ctx, c, claims, dry, (*claimer).claim)
}

// Release lets go of objects that the caller's stack owns: they stay as they are, and
// another stack may import or adopt them.
func (s *Service) Release(ctx context.Context, c *Caller, claims []Claim, dry bool) (int, []Refusal, error) {
	return s.eachClaimed(ctx, c, claims, dry, (*claimer).release)
}

func (s *Service) eachClaimed(ctx context.Context, c *Caller, claims []Claim, dry bool, one func(*claimer, context.Context, Claim) (string, bool, error)) (int, []Refusal, error) {
	if c.Stack == "" {
		return 0, nil, api.NewProblem(api.CodeMalformed, "Say which stack this is about: name it in the body, or send the header Gatehouse-Stack.")
	}
	if len(claims) > maxClaims {
		return 0, nil, api.NewProblem(api.CodeTooLarge, "One call may name %d objects; this one names %d.", maxClaims, len(claims))
	}
	var done int
	var refused []Refusal
	err := s.do(ctx, c, dry, func(scope *Scope) error {
		done, refused = 0, []Refusal{}
		if err := scope.Require(ctx, "ownership.claim"); err != nil {
			return err
		}
		cl := &claimer{Scope: scope, undeclared: map[*api.Kind]map[string]string{}}
		for _, named := range claims {
			reason, changed, err := one(cl, ctx, named)
			if err != nil {
				return err
			}
			if reason != "" {
				refused = append(refused, Refusal{named, reason})
			} else if changed {
				done++
			}
		}
		return nil
	})
	return done, refused, err
}

// claimer works through one call of Claim or Release.
type claimer struct {
	*Scope
	undeclared map[*api.Kind]map[string]string // keys of a kind's defaults by id
}

func (s *claimer) claim(ctx context.Context, cl Claim) (reason string, changed bool, err error) {
	kind := api.KindByName(cl.Kind)
	if kind == nil || !Registered(kind) {
		return reasonNoKind, false, nil
	}
	r, err := rulesOf(kind)
	if err != nil {
		return "", false, err
	}
	row, err := r.table.ByID(ctx, s.Tx, s.WorkspaceID, kind.Name, cl.ID)
	if errors.Is(err, store.ErrNotFound) {
		return s.claimDefault(ctx, kind, r, cl.ID)
	}
	if err != nil {
		return "", false, err
	}
	switch {
	case row.Manager == api.ManagedByTerraform && row.Stack == s.Caller.Stack:
		return "", false, nil
	case row.Manager == api.ManagedByTerraform:
		return fmt.Sprintf("it belongs to stack %q", row.Stack), false, nil
	case row.Manager == api.ManagedBySCIM:
		return reasonSCIM, false, nil
	}
	return "", true, s.stamp(ctx, kind, r, row, "claimed", api.ManagedByTerraform, s.Caller.Stack)
}

// stamp gives a row another owner and changes nothing else.
func (s *Scope) stamp(ctx context.Context, kind *api.Kind, r *erased, row *store.Row, verb, manager, stack string) error {
	obj, err := fromRow(kind, row)
	if err != nil {
		return err
	}
	obj.GetMeta().Key = s.displayKey(kind, row.Key)
	was := row.Version
	row.Version, row.Manager, row.Stack, row.ManagedAt, row.UpdatedAt = was+1, manager, stack, s.Now, s.Now
	if row.ChangeContext, err = s.changeContext(row); err != nil {
		return err
	}
	if r.columns != nil {
		row.Extra = r.columns(obj)
	}
	if err := r.table.Update(ctx, s.Tx, row, was); err != nil {
		return err
	}
	return s.Record(kind.Name+"."+verb, target(kind, obj), audit.EffectNeutral, nil, nil)
}

// changeContext is what is kept with a row that was just stamped.
func (s *Scope) changeContext(row *store.Row) (string, error) {
	switch {
	case row.Manager != api.ManagedByTerraform:
		return "", nil
	case s.Caller.ChangeContext.IsZero():
		return row.ChangeContext, nil
	}
	raw, err := json.Marshal(s.Caller.ChangeContext)
	if err != nil {
		return "", fmt.Errorf("encoding the change context: %w", err)
	}
	return string(raw), nil
}

// claimDefault declares what was imported and never written: the server's default of
// a singleton, or the reading of rows that nobody declared as a whole. What it says
// is what holds already, so nothing but the owner changes.
func (s *claimer) claimDefault(ctx context.Context, kind *api.Kind, r *erased, id string) (string, bool, error) {
	key, obj, err := s.defaultOf(ctx, kind, r, id)
	if err != nil || obj == nil {
		return reasonNoObject, false, err
	}
	if err := s.bumpFor(ctx, r); err != nil {
		return "", false, err
	}
	s.stampDefault(kind, obj, key)
	next := s.nextRow(&change{Scope: s.Scope, kind: kind, new: obj}, nil)
	after, err := r.fill(kind, obj, next)
	if err != nil {
		return "", false, err
	}
	if after, err = r.bare(kind, after); err != nil {
		return "", false, err
	}
	if err := r.table.Insert(ctx, s.Tx, next); err != nil {
		return "", false, err
	}
	return "", true, s.Record(kind.Name+".claimed", target(kind, obj), audit.EffectNeutral, nil, after, "declared as it was; nothing else changed")
}

// defaultOf finds the default that has an id; nil when there is none.
func (s *claimer) defaultOf(ctx context.Context, kind *api.Kind, r *erased, id string) (string, api.Object, error) {
	if r.def == nil || !kind.Singleton && !kind.View {
		return "", nil, nil
	}
	byID, ok := s.undeclared[kind]
	if !ok {
		keys := []string{kind.Name}
		if kind.View {
			var err error
			if keys, err = s.viewKeys(ctx, kind); err != nil {
				return "", nil, err
			}
		}
		byID = make(map[string]string, len(keys))
		for _, k := range keys {
			byID[s.stableID(kind, k)] = k
		}
		s.undeclared[kind] = byID
	}
	key, ok := byID[id]
	if !ok {
		return "", nil, nil
	}
	obj, err := r.def(ctx, s.Scope, key)
	return key, obj, err
}

// viewKeys lists what a view can be of: the objects that its key names, or items.
func (s *Scope) viewKeys(ctx context.Context, view *api.Kind) ([]string, error) {
	query, args := `SELECT key FROM item WHERE workspace_id = $1`, []any{s.WorkspaceID}
	keys := []string{"/"}
	if of := api.KindByName(viewField(view).Ref); of != nil {
		r, err := rulesOf(of)
		if err != nil {
			return nil, err
		}
		query, args, keys = `SELECT key FROM `+r.table.Name+` WHERE workspace_id = $1 AND kind = $2`, append(args, of.Name), nil
	}
	rows, err := s.Tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing what %s can be of: %w", view.Name, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var key string
		if err := rows.Scan(&key); err != nil {
			return nil, fmt.Errorf("listing what %s can be of: %w", view.Name, err)
		}
		keys = append(keys, key)
	}
	return keys, rows.Err()
}

// viewField is the attribute that says what a view is of: the one that cannot change.
func viewField(view *api.Kind) *api.Field {
	fields := view.Fields()
	for i := range fields {
		if fields[i].Immutable {
			return &fields[i]
		}
	}
	return &api.Field{}
}

func (s *claimer) release(ctx context.Context, cl Claim) (reason string, changed bool, err error) {
	kind := api.KindByName(cl.Kind)
	if kind == nil || !Registered(kind) {
		return reasonNoKind, false, nil
	}
	r, err := rulesOf(kind)
	if err != nil {
		return "", false, err
	}
	row, err := r.table.ByID(ctx, s.Tx, s.WorkspaceID, kind.Name, cl.ID)
	if errors.Is(err, store.ErrNotFound) {
		if _, obj, err := s.defaultOf(ctx, kind, r, cl.ID); err != nil || obj != nil {
			return "", false, err // nobody ever declared it, so nobody owns it
		}
		return reasonNoObject, false, nil
	}
	if err != nil {
		return "", false, err
	}
	switch {
	case row.Manager == api.ManagedBySCIM:
		return reasonSCIM, false, nil
	case row.Manager != api.ManagedByTerraform:
		return "", false, nil
	case row.Stack != s.Caller.Stack:
		return fmt.Sprintf("it belongs to stack %q", row.Stack), false, nil
	}
	if kind.View {
		if err := s.releaseRows(ctx, kind, row.Key); err != nil {
			return "", false, err
		}
	}
	return "", true, s.stamp(ctx, kind, r, row, "released", api.ManagedByManual, "")
}

// releaseRows lets go of the rows that a stack wrote through a view: the next owner
// of the view could not change them otherwise.
func (s *Scope) releaseRows(ctx context.Context, view *api.Kind, key string) error {
	of := api.KindByName(view.Of)
	r, err := rulesOf(of)
	if err != nil {
		return err
	}
	// Read whole before the first write: one connection cannot do both.
	var mine []*store.Row
	for after := ""; ; {
		rows, err := r.table.List(ctx, s.Tx, s.WorkspaceID, of.Name, after, api.MaxPageSize, store.Condition{Column: viewField(view).Name, Value: key})
		if err != nil {
			return err
		}
		for _, row := range rows {
			if row.Manager == api.ManagedByTerraform && row.Stack == s.Caller.Stack {
				mine = append(mine, row)
			}
		}
		if len(rows) < api.MaxPageSize {
			break
		}
		after = rows[len(rows)-1].Key
	}
	for _, row := range mine {
		if err := s.stamp(ctx, of, r, row, "released", api.ManagedByManual, ""); err != nil {
			return err
		}
	}
	return nil
}

// releaseName is how the command line names an object.
func releaseName(kind *api.Kind, key string) string {
	if kind.Singleton {
		return kind.Name
	}
	return fmt.Sprintf("%s/%s", kind.Name, key)
}
