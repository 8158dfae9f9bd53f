package workspace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// offerAge is how long an offered ownership can be accepted.
const offerAge = 7 * api.Day

// C013, X03: exactly one Owner; ownership moves, in two steps unless the Owner says
// otherwise. Who the Owner is lies in workspace.owner_id and in the member's role;
// the document remembers the offer alone. The catalogue gives workspace_owner.write
// to the Owner only.
var _ = object.Register(api.WorkspaceOwnerKind, object.Rules[*api.WorkspaceOwner]{
	AuthzRelevant: true,
	Default: func(ctx context.Context, s *object.Scope, _ string) (*api.WorkspaceOwner, error) {
		owner, err := currentOwner(ctx, s)
		if err != nil {
			return nil, err
		}
		return &api.WorkspaceOwner{Principal: owner.Email, RequireAcceptance: true, CurrentOwner: owner.Email}, nil
	},
	Validate: validateOwner,
	Prepare:  prepareOwner,
	After: func(ctx context.Context, c *object.Change[*api.WorkspaceOwner]) error {
		if c.New == nil || c.New.PendingPrincipal != "" {
			return nil
		}
		owner, err := currentOwner(ctx, c.Scope)
		if err != nil || owner.Email == c.New.Principal {
			return err
		}
		return transfer(ctx, c.Scope, owner, c.New.Principal)
	},
	Strip: func(o *api.WorkspaceOwner) { o.Principal, o.CurrentOwner = "", "" },
	Hydrate: func(ctx context.Context, s *object.Scope, objs []*api.WorkspaceOwner) error {
		owner, err := currentOwner(ctx, s)
		if err != nil {
			return err
		}
		for _, o := range objs {
			o.CurrentOwner, o.Principal = owner.Email, owner.Email
			if o.PendingUntil == nil || !s.Now.Before(*o.PendingUntil) {
				o.PendingPrincipal, o.PendingUntil = "", nil
			} else {
				o.Principal = o.PendingPrincipal
			}
		}
		return nil
	},
	Effect: func(_, _ *api.WorkspaceOwner) audit.Effect { return audit.EffectNeutral },
})

func validateOwner(ctx context.Context, c *object.Change[*api.WorkspaceOwner]) ([]api.Violation, error) {
	if c.New.Principal == c.Old.CurrentOwner {
		return nil, nil
	}
	m, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Principal)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return []api.Violation{object.MissingReference("/principal", api.MemberKind, c.New.Principal)}, nil
	}
	if why := unfit(m); why != "" {
		return []api.Violation{api.Invalid("/principal", "%s %s", m.Email, why)}, nil
	}
	return nil, nil
}

// unfit says why a member cannot own the workspace.
func unfit(m *api.Member) string {
	switch {
	case m.WorkspaceRole == string(vocabulary.RoleGuest):
		return "is a guest; only a member of the organisation can own the workspace"
	case !m.Active:
		return "is suspended; only an active member can own the workspace"
	}
	return ""
}

func prepareOwner(_ context.Context, c *object.Change[*api.WorkspaceOwner]) error {
	o := c.New
	switch {
	case o.Principal == o.CurrentOwner: // an offer, if there is one, is withdrawn
		o.PendingPrincipal, o.PendingUntil = "", nil
	case !o.RequireAcceptance:
		o.PendingPrincipal, o.PendingUntil, o.CurrentOwner = "", nil, o.Principal
	case o.Principal != o.PendingPrincipal:
		until := c.Now.Add(offerAge)
		o.PendingPrincipal, o.PendingUntil = o.Principal, &until
	}
	return nil
}

// Accept moves the ownership to the caller, to whom it was offered (X03).
func Accept(ctx context.Context, svc *object.Service, caller *object.Caller) (*api.WorkspaceOwner, error) {
	var out *api.WorkspaceOwner
	err := svc.Do(ctx, caller, func(s *object.Scope) error {
		if err := s.BumpAuthz(ctx); err != nil {
			return err
		}
		obj, err := s.Get(ctx, api.WorkspaceOwnerKind, api.WorkspaceOwnerKind.Name)
		if err != nil {
			return err
		}
		o := obj.(*api.WorkspaceOwner)
		if caller.Kind != object.PrincipalMember || o.PendingPrincipal == "" || o.PendingPrincipal != caller.Key {
			return api.NewProblem(api.CodeForbidden, "Nobody has offered you the ownership of this workspace, or the offer has ended. Ask the Owner to offer it again.")
		}
		m, err := object.Find[*api.Member](ctx, s, api.MemberKind, caller.Key)
		if err != nil {
			return err
		}
		if m == nil {
			return object.NotFound(api.MemberKind.Name, caller.Key)
		}
		if why := unfit(m); why != "" {
			return api.NewProblem(api.CodeConflict, "%s %s.", m.Email, why)
		}
		owner, err := currentOwner(ctx, s)
		if err != nil {
			return err
		}
		if err := transfer(ctx, s, owner, m.Email); err != nil {
			return err
		}
		o.PendingPrincipal, o.PendingUntil = "", nil
		o.Principal, o.CurrentOwner = m.Email, m.Email
		out = o
		return s.SaveDerived(ctx, api.WorkspaceOwnerKind, object.How{Verb: "accepted", Effect: audit.EffectNeutral}, o)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// transfer makes another member the Owner and the Owner of before an admin.
func transfer(ctx context.Context, s *object.Scope, from *api.Member, to string) error {
	next, err := object.Find[*api.Member](ctx, s, api.MemberKind, to)
	if err != nil {
		return err
	}
	if next == nil {
		return object.NotFound(api.MemberKind.Name, to)
	}
	how := object.How{Reasons: []string{"the ownership of the workspace was transferred"}}
	// First the old Owner: the database allows one at a time.
	from.WorkspaceRole = string(vocabulary.RoleAdmin)
	if err := s.SaveDerived(ctx, api.MemberKind, how, from); err != nil {
		return err
	}
	next.WorkspaceRole = string(vocabulary.RoleOwner)
	if err := s.SaveDerived(ctx, api.MemberKind, how, next); err != nil {
		return err
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE workspace SET owner_id = $2 WHERE id = $1`, s.WorkspaceID, next.ID); err != nil {
		return fmt.Errorf("naming the new owner: %w", err)
	}
	return s.Record("workspace_owner.transferred", audit.Target{Kind: api.WorkspaceOwnerKind.Name, ID: s.WorkspaceID, Key: s.Slug}, audit.EffectNeutral,
		map[string]string{"owner": from.Email}, map[string]string{"owner": next.Email})
}

// currentOwner is the member that workspace.owner_id names.
func currentOwner(ctx context.Context, s *object.Scope) (*api.Member, error) {
	var id string
	err := s.Tx.QueryRowContext(ctx, `SELECT owner_id FROM workspace WHERE id = $1`, s.WorkspaceID).Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, object.NotFound(api.WorkspaceKind.Name, s.Slug)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the owner: %w", err)
	}
	obj, err := s.Get(ctx, api.MemberKind, id)
	if err != nil {
		return nil, err
	}
	return obj.(*api.Member), nil
}
