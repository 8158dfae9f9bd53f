package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// GH-AZ-04: rules change no decision, but writing one takes the workspace's lock, so
// that none is made while somebody receives the second duty (AuthzRelevant).
var _ = object.Register(api.SeparationOfDutiesRuleKind, object.Rules[*api.SeparationOfDutiesRule]{
	AuthzRelevant: true,
	Validate:      validateSeparation,
	After:         reportBreaches,
	Effect: func(was, is *api.SeparationOfDutiesRule) audit.Effect {
		switch {
		case was == nil:
			return audit.EffectNarrowed
		case is == nil:
			return audit.EffectWidened
		}
		var t object.Tally
		t.Rank([]string{api.SeparationBlock, api.SeparationReport}, was.Mode, is.Mode)
		for _, side := range [][2]*api.Duty{{was.Left, is.Left}, {was.Right, is.Right}} {
			t.Names(side[1].Roles, side[0].Roles)
			t.Names(side[1].Permissions, side[0].Permissions)
		}
		return t.Effect()
	},
})

// maxSeparationRules bounds what every change of access is checked against.
const maxSeparationRules = 100

func validateSeparation(ctx context.Context, c *object.Change[*api.SeparationOfDutiesRule]) ([]api.Violation, error) {
	var out []api.Violation
	for _, side := range []struct {
		at   string
		duty *api.Duty
	}{{"/left", c.New.Left}, {"/right", c.New.Right}} {
		for i, name := range side.duty.Roles {
			role, err := findRole(ctx, c.Scope, name)
			if err != nil {
				return nil, err
			}
			if role == nil {
				out = append(out, missingRole(fmt.Sprintf("%s/roles/%d", side.at, i), name))
			}
		}
	}
	if c.Created {
		var n int
		if err := c.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM object WHERE workspace_id = $1 AND kind = $2`, c.WorkspaceID, api.SeparationOfDutiesRuleKind.Name).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting separation-of-duties rules: %w", err)
		}
		if n >= maxSeparationRules {
			out = append(out, api.Invalid("/name", "the workspace has %d separation-of-duties rules, the most there may be; delete one, or join those with a side in common", n))
		}
	}
	if len(out) > 0 || c.New.Mode == api.SeparationReport {
		return out, nil
	}
	found, err := breachesOf(ctx, c.Scope, c.New)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var who []string
	for _, b := range found {
		who = append(who, fmt.Sprintf("%s has %s and also %s", b.principal, b.left, b.right))
	}
	return []api.Violation{{Path: "/mode", Code: violationSeparation,
		Message: fmt.Sprintf("cannot be block yet: %s. Take one of the two away from each, or start with report", strings.Join(firstFew(who), "; "))}}, nil
}

// reportBreaches records who breaks a rule that reports, when it is made or changed.
func reportBreaches(ctx context.Context, c *object.Change[*api.SeparationOfDutiesRule]) error {
	if c.Deleted || c.New.Mode != api.SeparationReport {
		return nil
	}
	found, err := breachesOf(ctx, c.Scope, c.New)
	if err != nil {
		return err
	}
	for _, b := range found {
		if err := b.record(c.Scope, c.New); err != nil {
			return err
		}
	}
	return nil
}

// breachesOf finds everyone in the workspace who breaks a rule, reading each kind once.
func breachesOf(ctx context.Context, s *object.Scope, r *api.SeparationOfDutiesRule) ([]breach, error) {
	j, err := newJudge(ctx, s)
	if err != nil {
		return nil, err
	}
	held, err := given(ctx, s)
	if err != nil {
		return nil, err
	}
	everyone, err := people(ctx, s, held)
	if err != nil {
		return nil, err
	}
	var out []breach
	for principal, h := range everyone {
		if b, broken := j.breaks(r, principal, h); broken {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b breach) int { return strings.Compare(a.principal, b.principal) })
	return out, nil
}

// given is what grants and assignments give, by the principal that they name.
func given(ctx context.Context, s *object.Scope) (map[string]*holdings, error) {
	held := map[string]*holdings{}
	of := func(principal string) *holdings {
		if held[principal] == nil {
			held[principal] = &holdings{}
		}
		return held[principal]
	}
	err := object.Each(ctx, s, api.RoleAssignmentKind, func(a *api.RoleAssignment) error {
		if a.ExpiresAt == nil || a.ExpiresAt.After(s.Now) {
			of(a.Principal).give(a.Role, vocabulary.LevelNone, fmt.Sprintf("assigned to %s on %s", a.Principal, a.Scope))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return held, object.Each(ctx, s, api.AccessGrantKind, func(g *api.AccessGrant) error {
		if g.ExpiresAt == nil || g.ExpiresAt.After(s.Now) {
			h := of(g.Principal)
			h.give(g.Role, levelOf(g.Level), fmt.Sprintf("granted to %s on %s", g.Principal, g.Resource))
			h.download = h.download || g.AllowDownload
		}
		return nil
	})
}

// people adds up what everyone holds: themselves, by their address, through teams and
// groups.
func people(ctx context.Context, s *object.Scope, held map[string]*holdings) (map[string]*holdings, error) {
	out := map[string]*holdings{}
	err := object.Each(ctx, s, api.MemberKind, func(m *api.Member) error {
		email := strings.ToLower(m.Email)
		if m.Active {
			h := &holdings{workspace: vocabulary.Role(m.WorkspaceRole)}
			h.add(held["member:"+email])
			h.add(held["email:"+email])
			out["member:"+email] = h
		}
		delete(held, "email:"+email)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := object.Each(ctx, s, api.TeamMembershipKind, func(m *api.TeamMembership) error {
		h := out["member:"+strings.ToLower(m.Principal)]
		if h != nil && (m.ExpiresAt == nil || m.ExpiresAt.After(s.Now)) {
			h.add(held["team:"+m.Team])
			h.join(m.Team, vocabulary.TeamRole(m.Role))
		}
		return nil
	}); err != nil {
		return nil, err
	}
	if object.Registered(api.ServiceAccountKind) {
		if err := object.Each(ctx, s, api.ServiceAccountKind, func(a *api.ServiceAccount) error {
			if a.Active {
				h := &holdings{workspace: vocabulary.Role(a.WorkspaceRole)}
				h.add(held["service_account:"+strings.ToLower(a.Name)])
				out["service_account:"+strings.ToLower(a.Name)] = h
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	for principal, h := range held {
		switch kind, _, _ := api.SplitPrincipal(principal); kind {
		case "email":
			out[principal] = h
		case "group":
			in, err := receivers(ctx, s, principal)
			if err != nil {
				return nil, err
			}
			for _, p := range in {
				if out[p] != nil {
					out[p].add(h)
				}
			}
		}
	}
	return out, nil
}
