package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var _ = object.Register(api.AccessGrantKind, object.Rules[*api.AccessGrant]{
	Table: store.Table{Name: "access_grant", Extra: []string{"resource", "principal", "level", "role", "source", "expires_at", "state", "extras"}},
	Columns: func(g *api.AccessGrant) []any {
		return []any{g.Resource, g.Principal, g.Level, g.Role, g.Source, store.Micros(g.ExpiresAt), stateOf(g), object.GrantExtras(g)}
	},
	FilterColumns: map[string]string{"resource": "resource", "principal": "principal", "source": "source"},
	AuthzRelevant: true,
	Authorise:     authoriseGrant,
	Visible:       grantVisible,
	Validate:      validateGrant,
	Prepare: func(ctx context.Context, c *object.Change[*api.AccessGrant]) error {
		c.New.Source = sourceOf(c.Caller, c.New.Source)
		return settle(ctx, c.Scope, c.Old, c.New)
	},
	Hydrate: func(_ context.Context, _ *object.Scope, grants []*api.AccessGrant) error {
		for _, g := range grants {
			g.State = stateOf(g) // grants of before there were states
		}
		return nil
	},
	After: func(ctx context.Context, c *object.Change[*api.AccessGrant]) error {
		if err := followRequest(ctx, c.Scope, c.Old, c.New); err != nil || c.Deleted || waits(c.New) {
			return err
		}
		if err := Separate(ctx, c.Scope, api.AccessGrantKind, c.New.Key, gainOf(c.New, "/principal")); err != nil {
			return err
		}
		return tellGrant(ctx, c.Scope, c.Old, c.New, c.Caller.Principal())
	},
	Effect: func(was, is *api.AccessGrant) audit.Effect {
		if was, is = inEffect(was), inEffect(is); was == nil && is == nil {
			return audit.EffectNeutral
		}
		return grantEffect(was, is)
	},
})

func gainOf(g *api.AccessGrant, at string) Gain {
	return Gain{Principal: g.Principal, At: at, Role: g.Role, Level: g.Level}
}

func authoriseGrant(ctx context.Context, c *object.Change[*api.AccessGrant]) error {
	if err := c.Require(ctx, api.AccessGrantKind.WritePermission()); err != nil {
		return err
	}
	switch {
	case c.Deleted:
		return need(ctx, c.Scope, c.Old.Resource, grantDelete)
	case c.Created:
		if err := need(ctx, c.Scope, c.New.Resource, grantCreate); err != nil {
			return err
		}
	default:
		if err := need(ctx, c.Scope, c.Old.Resource, grantUpdate); err != nil {
			return err
		}
		if c.Old.Source == SourceGuest {
			return api.NewProblem(api.CodeConflict, "%s has the grant on %s as a guest (gatehouse_guest). Change max_level, projects or expires_at of the guest instead, or revoke the grant.", c.Old.Principal, c.Old.Resource)
		}
		if grantEffect(c.Old, c.New) == audit.EffectNarrowed {
			return nil
		}
	}
	at := gift{path: c.New.Resource, at: "/level"}
	if c.New.Role != "" {
		at.at = "/role"
	}
	return mayGrant(ctx, c.Scope, at, c.New.Level, c.New.Role)
}

// mayGrant is mayGive for a level or a role; a missing role is a violation, later.
func mayGrant(ctx context.Context, s *object.Scope, g gift, level, role string) error {
	if role == "" {
		g.level = levelOf(level)
		return mayGive(ctx, s, g)
	}
	r, err := findRole(ctx, s, role)
	if err != nil || r == nil {
		return err
	}
	g.level, g.role = r.level, r.custom
	return mayGive(ctx, s, g)
}

// grantVisible: who has access is for those who manage it; everyone sees their own.
func grantVisible(ctx context.Context, s *object.Scope, g *api.AccessGrant) (bool, error) {
	if s.Caller.Principal() == g.Principal {
		return true, nil
	}
	return sees(ctx, s, g.Resource, grantRead)
}

func validateGrant(ctx context.Context, c *object.Change[*api.AccessGrant]) ([]api.Violation, error) {
	out, err := checkItem(ctx, c.Scope, "/resource", c.New.Resource)
	if err != nil {
		return nil, err
	}
	more, err := checkGrant(ctx, c.Scope, c.Old, c.New, grantPaths{principal: "/principal", level: "/level", role: "/role"})
	if err != nil {
		return nil, err
	}
	out = append(out, more...)
	was := c.Old
	if was == nil {
		was = &api.AccessGrant{}
	}
	out = append(out, checkExpiry(c.Scope, "/expires_at", was.ExpiresAt, c.New.ExpiresAt)...)
	return append(out, checkCondition("/condition", c.New.Condition)...), nil
}

// grantPaths are the attributes that name the parts of a grant: the same checks serve
// a grant alone and a map of them.
type grantPaths struct{ principal, level, role string }

func checkGrant(ctx context.Context, s *object.Scope, was, is *api.AccessGrant, at grantPaths) ([]api.Violation, error) {
	var out []api.Violation
	h, err := findHolder(ctx, s, is.Principal)
	if err != nil {
		return nil, err
	}
	if h.missing != nil {
		out = append(out, object.MissingReference(at.principal, h.missing, h.key))
	}
	level, where := levelOf(is.Level), at.level
	if is.Role != "" {
		role, err := findRole(ctx, s, is.Role)
		if err != nil {
			return nil, err
		}
		if role == nil {
			return append(out, missingRole(at.role, is.Role)), nil
		}
		level, where = role.level, at.role
		out = append(out, checkAssignable(role, h, is.Role, at.principal)...)
	}
	if h.guest && level > vocabulary.RoleGuest.Ceiling() {
		out = append(out, guestCeiling(where, level))
	}
	if effect := grantEffect(was, is); effect == audit.EffectWidened || effect == audit.EffectUnknown {
		refused, err := checkOutside(ctx, s, h, is.Resource, at.principal)
		if err != nil {
			return nil, err
		}
		if out = append(out, refused...); len(out) == 0 {
			return checkApproval(ctx, s, was, is, at.principal)
		}
	}
	return out, nil
}

func grantEffect(was, is *api.AccessGrant) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectWidened
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Levels(was.Level+was.Role, is.Level+is.Role)
	t.Expiry(was.ExpiresAt, is.ExpiresAt)
	t.Opens(was.AllowDownload, is.AllowDownload)
	t.Condition(was.Condition, is.Condition)
	return t.Effect()
}
