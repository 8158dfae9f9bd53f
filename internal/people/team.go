package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// defaultLevels are what default_level may be, upwards.
var defaultLevels = []string{"", "view", "comment", "edit", "manage"}

// maxTeamDepth bounds how many teams may lie above one another.
const maxTeamDepth = 16

// C018, X24: teams. The catalogue gives team.write to the Owner and admins only.
var _ = object.Register(api.TeamKind, object.Rules[*api.Team]{
	AuthzRelevant: true,
	Validate:      validateTeam,
	Destroy: func(ctx context.Context, c *object.Change[*api.Team]) (*api.Team, error) {
		return nil, dissolve(ctx, c.Scope, c.Old)
	},
	Effect: func(old, next *api.Team) audit.Effect {
		switch {
		case next == nil:
			return audit.EffectNarrowed
		case old == nil:
			return audit.EffectNeutral // a team without members and projects gives nothing
		}
		var t object.Tally
		t.Rank(defaultLevels, old.DefaultLevel, next.DefaultLevel)
		t.Opens(old.ExternalAllowed, next.ExternalAllowed)
		return t.Effect()
	},
})

func validateTeam(ctx context.Context, c *object.Change[*api.Team]) ([]api.Violation, error) {
	var out []api.Violation
	slug := c.New.Slug
	if c.New.TransferTo == slug {
		out = append(out, api.Invalid("/transfer_to", "is the team itself; name another team that receives the projects"))
	}
	if c.Old != nil && c.Old.ExternalAllowed && !c.New.ExternalAllowed {
		guests, err := guestsOf(ctx, c.Scope, slug)
		if err != nil {
			return nil, err
		}
		if len(guests) > 0 {
			out = append(out, api.Invalid("/external_allowed", "cannot be false while guests are in the team (%s); remove them first", strings.Join(guests, ", ")))
		}
	}
	if c.Old != nil && slices.Index(defaultLevels, c.New.DefaultLevel) > slices.Index(defaultLevels, c.Old.DefaultLevel) {
		more, err := teamItemsGiveMore(ctx, c.Scope, slug)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	above := c.New.Parent
	for depth := 1; above != ""; depth++ {
		if above == slug {
			return append(out, api.Invalid("/parent", "%q lies below this team already; a team cannot be above itself", c.New.Parent)), nil
		}
		if depth >= maxTeamDepth {
			return append(out, api.Invalid("/parent", "more than %d teams would lie above one another", maxTeamDepth)), nil
		}
		parent, err := object.Find[*api.Team](ctx, c.Scope, api.TeamKind, above)
		if err != nil {
			return nil, err
		}
		if parent == nil {
			break // the reference check names what is missing
		}
		above = parent.Parent
	}
	return out, nil
}

// teamItemsGiveMore is the violation of a higher default level while guests are in a team
// that owns what they may receive with an approval only (C055).
func teamItemsGiveMore(ctx context.Context, s *object.Scope, team string) ([]api.Violation, error) {
	projects, err := rowsWhere[*api.Project](ctx, s, api.ProjectKind, "team", team)
	if err != nil {
		return nil, err
	}
	return sharing.CheckTeamGets(ctx, s, team, "/default_level", pathsOf(projects)...)
}

func pathsOf(projects []*api.Project) []string {
	out := make([]string, len(projects))
	for i, p := range projects {
		out[i] = p.Path
	}
	return out
}

// guestsOf names up to five guests in a team.
func guestsOf(ctx context.Context, s *object.Scope, team string) ([]string, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT m.key FROM team_membership t CROSS JOIN member m
		WHERE t.workspace_id = $1 AND t.team = $2 AND m.workspace_id = t.workspace_id AND m.kind = 'member' AND m.key = t.principal AND m.role = 'guest'
		ORDER BY t.key LIMIT 5`, s.WorkspaceID, team)
	if err != nil {
		return nil, fmt.Errorf("reading guests of team %q: %w", team, err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var email string
		if err := rows.Scan(&email); err != nil {
			return nil, fmt.Errorf("reading guests of team %q: %w", team, err)
		}
		out = append(out, email)
	}
	return out, rows.Err()
}

// dissolve takes a team apart before it is deleted. What names the team must not
// outlive it: a later team of the same slug would inherit it.
func dissolve(ctx context.Context, s *object.Scope, t *api.Team) error {
	if err := refuseDependents(ctx, s, t); err != nil {
		return err
	}
	if err := handOver(ctx, s, t); err != nil {
		return err
	}
	how := object.How{Effect: audit.EffectNarrowed, Reasons: []string{fmt.Sprintf("team %q was deleted", t.Slug)}}
	if err := revokeRows[*api.TeamMembership](ctx, s, api.TeamMembershipKind, "team", t.Slug, how); err != nil {
		return err
	}
	declared, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.TeamMembershipsKind.Name, t.Slug)
	if err == nil {
		view, err := object.FromRow(api.TeamMembershipsKind, declared, s.Slug)
		if err != nil {
			return err
		}
		if err := s.RemoveDerived(ctx, api.TeamMembershipsKind, how, view); err != nil {
			return err
		}
	} else if err := ignoreNotFound(err); err != nil {
		return err
	}
	return endGrants(ctx, s, "team:"+t.Slug, how)
}

// refuseDependents answers a referenced problem while others build on the team.
func refuseDependents(ctx context.Context, s *object.Scope, t *api.Team) error {
	children, err := store.Objects.List(ctx, s.Tx, s.WorkspaceID, api.TeamKind.Name, "", 5, store.Condition{Field: "parent", Value: t.Slug})
	if err != nil {
		return err
	}
	if len(children) > 0 {
		return api.NewProblem(api.CodeReferenced, "Team %q has teams below it (%s). Delete them or give them another parent first.", t.Slug, keysOf(children))
	}
	mappings, err := mappingsOf(ctx, s, t.Slug)
	if err != nil {
		return err
	}
	if len(mappings) > 0 {
		return api.NewProblem(api.CodeReferenced, "Team %q is the target of a SCIM group mapping (group %q of connection %q). Delete the mapping first.", t.Slug, mappings[0].Group, mappings[0].Connection)
	}
	return nil
}

func keysOf(rows []*store.Row) string {
	keys := make([]string, len(rows))
	for i, r := range rows {
		keys[i] = r.Key
	}
	return strings.Join(keys, ", ")
}

// mappingsOf are the SCIM group mappings that lead to a team.
func mappingsOf(ctx context.Context, s *object.Scope, team string) ([]*api.SCIMGroupMapping, error) {
	return rowsWhere[*api.SCIMGroupMapping](ctx, s, api.SCIMGroupMappingKind, "team", team)
}

// handOver gives the team's projects to transfer_to, or refuses to leave them alone.
func handOver(ctx context.Context, s *object.Scope, t *api.Team) error {
	projects, err := rowsWhere[*api.Project](ctx, s, api.ProjectKind, "team", t.Slug)
	if err != nil || len(projects) == 0 {
		return err
	}
	if t.TransferTo == "" {
		return api.NewProblem(api.CodeReferenced, "Team %q owns %d projects, %s among them. Move them to another team, or set transfer_to on this team and apply before deleting it.", t.Slug, len(projects), projects[0].Path)
	}
	ok, err := s.Exists(ctx, api.TeamKind, t.TransferTo)
	if err != nil {
		return err
	}
	if !ok {
		return api.NewProblem(api.CodeReferenced, "Team %q hands its projects to team %q (transfer_to), which does not exist. Create it, or name another.", t.Slug, t.TransferTo)
	}
	refused, err := sharing.CheckTeamGets(ctx, s, t.TransferTo, "/transfer_to", pathsOf(projects)...)
	if err != nil {
		return err
	}
	if len(refused) > 0 {
		p := api.NewProblem(api.CodeConflict, "Team %q cannot hand its projects to team %q: it %s.", t.Slug, t.TransferTo, refused[0].Message)
		p.Errors = refused
		return p
	}
	for _, p := range projects {
		p.Team = t.TransferTo
	}
	return s.SaveDerived(ctx, api.ProjectKind, object.How{Reasons: []string{fmt.Sprintf("team %q was deleted; its projects went to %q", t.Slug, t.TransferTo)}}, erase(projects)...)
}
