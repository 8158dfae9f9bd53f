package people

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// C018: one person's role in one team, whichever door it came through. Team admins
// look after their own team.
var _ = object.Register(api.TeamMembershipKind, object.Rules[*api.TeamMembership]{
	Table: store.Table{Name: "team_membership", Extra: []string{"team", "principal", "role", "source", "expires_at"}},
	Columns: func(m *api.TeamMembership) []any {
		return []any{m.Team, m.Principal, m.Role, m.Source, store.Micros(m.ExpiresAt)}
	},
	FilterColumns: map[string]string{"team": "team", "principal": "principal"},
	AuthzRelevant: true,
	Authorise: func(ctx context.Context, c *object.Change[*api.TeamMembership]) error {
		team := teamOf(c)
		if err := c.RequireOnTeam(ctx, team, api.TeamMembershipKind.WritePermission()); err != nil {
			return err
		}
		if c.Old == nil || c.Old.Source != api.ManagedBySCIM || writesForSCIM(c.Caller) {
			return nil
		}
		return api.NewProblem(api.CodeConflict, "%s is in team %q because of a group at the identity provider (SCIM). Change the group there, or the gatehouse_scim_group_mapping that leads to the team.", c.Old.Principal, team)
	},
	Validate: validateMembership,
	Prepare: func(_ context.Context, c *object.Change[*api.TeamMembership]) error {
		if c.Old == nil || c.Caller.Source() == api.ManagedByTerraform {
			c.New.Source = c.Caller.Source()
		}
		return nil
	},
	After: func(ctx context.Context, c *object.Change[*api.TeamMembership]) error {
		if c.New == nil {
			return nil
		}
		return sharing.Separate(ctx, c.Scope, api.TeamMembershipKind, c.New.Key, joined(c.New, "/team"))
	},
	Effect: func(old, next *api.TeamMembership) audit.Effect {
		return direction(int(teamLevel(next)) - int(teamLevel(old)))
	},
})

func joined(m *api.TeamMembership, at string) sharing.Gain {
	return sharing.Gain{Principal: "member:" + m.Principal, At: at, Team: m.Team, TeamRole: m.Role}
}

func teamOf(c *object.Change[*api.TeamMembership]) string {
	if c.New != nil {
		return c.New.Team
	}
	return c.Old.Team
}

func teamLevel(m *api.TeamMembership) vocabulary.Level {
	if m == nil {
		return vocabulary.LevelNone
	}
	return vocabulary.TeamRole(m.Role).Level()
}

func validateMembership(ctx context.Context, c *object.Change[*api.TeamMembership]) ([]api.Violation, error) {
	var out []api.Violation
	if at := c.New.ExpiresAt; at != nil && !at.After(c.Now) && (c.Old == nil || c.Old.ExpiresAt == nil || !at.Equal(*c.Old.ExpiresAt)) {
		out = append(out, api.Invalid("/expires_at", "lies in the past; write a time to come, or remove the membership"))
	}
	if c.Old != nil && !gainsTime(c.Old.ExpiresAt, c.New.ExpiresAt) && teamLevel(c.New) <= teamLevel(c.Old) {
		return out, nil
	}
	// What is missing is named by the reference checks.
	m, err := object.Find[*api.Member](ctx, c.Scope, api.MemberKind, c.New.Principal)
	if err != nil || m == nil || m.WorkspaceRole != roleGuest {
		return out, err
	}
	team, err := object.Find[*api.Team](ctx, c.Scope, api.TeamKind, c.New.Team)
	if err != nil || team == nil {
		return out, err
	}
	if !team.ExternalAllowed && c.Old == nil {
		return append(out, guestViolation("/principal", m.Email, team.Slug)), nil
	}
	refused, err := sharing.CheckJoining(ctx, c.Scope, team.Slug, []string{m.Email}, func(string) string { return "/principal" })
	return append(out, refused...), err
}

// gainsTime reports whether something ends later than it did.
func gainsTime(was, is *time.Time) bool {
	return was != nil && (is == nil || is.After(*was))
}

// guestViolation refuses a guest in a team of the organisation (C016, X05).
func guestViolation(path, email, team string) api.Violation {
	return api.Invalid(path, "%s is a guest and team %q takes no guests; set external_allowed = true on the team, or leave the guest out", email, team)
}

func pointer(path, key string) string {
	return path + "/" + strings.ReplaceAll(strings.ReplaceAll(key, "~", "~0"), "/", "~1")
}

func membership(team, email, role, source string) *api.TeamMembership {
	return &api.TeamMembership{Team: team, Principal: email, Role: role, Source: source}
}

// teamMemberships reads everybody in some teams, in key order, a page at a time.
func teamMemberships(ctx context.Context, s *object.Scope, team string) ([]*api.TeamMembership, error) {
	out, err := rowsWhere[*api.TeamMembership](ctx, s, api.TeamMembershipKind, "team", team)
	if err != nil {
		return nil, fmt.Errorf("reading team %q: %w", team, err)
	}
	return out, nil
}
