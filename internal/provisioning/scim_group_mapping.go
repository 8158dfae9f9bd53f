package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// C039: what a pushed group means. Declaring a mapping applies it to the people who
// are in the group already; removing it takes back what it gave.
var _ = object.Register(api.SCIMGroupMappingKind, object.Rules[*api.SCIMGroupMapping]{
	Table: mappingTable,
	Columns: func(m *api.SCIMGroupMapping) []any {
		return []any{m.Connection, groupKey(m.Group), m.Team, m.TeamRole, m.WorkspaceRole, m.Role, m.Scope}
	},
	FilterColumns: map[string]string{"connection_name": "connection", "team": "team"},
	AuthzRelevant: true,
	Authorise:     authoriseMapping,
	Validate:      validateMapping,
	After: func(ctx context.Context, c *object.Change[*api.SCIMGroupMapping]) error {
		m := c.New
		if c.Deleted {
			m = c.Old
		}
		ids, err := peopleIn(ctx, c.Scope, m)
		if err != nil {
			return err
		}
		return recompute(ctx, c.Scope, m.Connection, ids)
	},
	Effect: func(old, next *api.SCIMGroupMapping) audit.Effect {
		switch {
		case old == nil:
			return audit.EffectWidened
		case next == nil:
			return audit.EffectNarrowed
		case meaningOf(old) == meaningOf(next):
			return audit.EffectNeutral
		}
		return audit.EffectUnknown
	},
})

// externalPrefix starts the group attribute of a mapping by externalId.
const externalPrefix = "external:"

// groupKey is how a mapping finds its group.
func groupKey(group string) string {
	if id, ok := strings.CutPrefix(group, externalPrefix); ok {
		return externalKey(id)
	}
	return nameKey(group)
}

func nameKey(displayName string) string { return "n:" + Fold(displayName) }

// externalKey is empty-safe: 'x:' alone belongs to groups without an externalId, and
// no mapping may be declared for it.
func externalKey(externalID string) string { return "x:" + externalID }

// authoriseMapping asks the Owner for groups that make admins: whoever writes such a
// mapping hands the workspace to whoever runs the identity provider.
func authoriseMapping(ctx context.Context, c *object.Change[*api.SCIMGroupMapping]) error {
	if err := c.Require(ctx, api.SCIMGroupMappingKind.WritePermission()); err != nil {
		return err
	}
	admin := string(vocabulary.RoleAdmin)
	if c.New == nil || c.New.WorkspaceRole != admin || c.Old != nil && c.Old.WorkspaceRole == admin {
		return nil
	}
	role, err := c.Role(ctx)
	if err != nil || role == string(vocabulary.RoleOwner) {
		return err
	}
	const say = "only the workspace Owner may let a group make admins; apply this with a token of the Owner, or write workspace_role = \"member\""
	p := api.NewProblem(api.CodeForbidden, "Only the workspace Owner may map group %q to the workspace role admin. Apply this with a token of the Owner.", c.New.Group)
	p.Errors = []api.Violation{{Path: "/workspace_role", Code: string(api.CodeForbidden), Message: say}}
	return p
}

func validateMapping(ctx context.Context, c *object.Change[*api.SCIMGroupMapping]) ([]api.Violation, error) {
	m := c.New
	var out []api.Violation
	if m.Group == externalPrefix || strings.TrimSpace(m.Group) != m.Group || m.Group == "" {
		out = append(out, api.Invalid("/group", "%q names no group; write its displayName, or external: and its externalId", m.Group))
	}
	if m.Team != "" {
		more, err := checkAuthoritative(ctx, c.Scope, m.Team)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
	}
	if m.Role == "" {
		return out, nil
	}
	if _, builtin := access.IsBuiltinRole(m.Role); !builtin {
		ok, err := c.Exists(ctx, api.RoleKind, strings.ToLower(m.Role))
		if err != nil {
			return nil, err
		}
		if !ok {
			v := object.MissingReference("/role", api.RoleKind, m.Role)
			v.Message += "; the built-in roles are viewer, commenter, editor, manager and admin"
			out = append(out, v)
		}
	}
	if m.Scope == "" || m.Scope == vocabulary.RootPath {
		return out, nil
	}
	var kind string
	err := c.Tx.QueryRowContext(ctx, `SELECT kind FROM item WHERE workspace_id = $1 AND key = $2 LIMIT 1`, c.WorkspaceID, m.Scope).Scan(&kind)
	if isNoRows(err) {
		return append(out, api.Violation{Path: "/scope", Code: api.ViolationReference, Kind: "item", Key: m.Scope,
			Message: fmt.Sprintf("there is no project or folder %q; create it first, and in Terraform write the path attribute of its resource so that it is created before", m.Scope)}), nil
	}
	if err != nil {
		return nil, fmt.Errorf("looking for the item %s: %w", m.Scope, err)
	}
	return out, nil
}

// checkAuthoritative refuses a mapping to a team whose memberships code governs whole:
// the two would fight (RESOURCES.md, SCIM or Terraform).
func checkAuthoritative(ctx context.Context, s *object.Scope, team string) ([]api.Violation, error) {
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.TeamMembershipsKind.Name, strings.ToLower(team))
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var declared api.TeamMemberships
	if err := json.Unmarshal([]byte(row.Doc), &declared); err != nil {
		return nil, fmt.Errorf("reading the memberships of team %s: %w", team, err)
	}
	if len(declared.Sources) == 1 && declared.Sources[0] == api.ManagedByTerraform {
		return nil, nil
	}
	return []api.Violation{api.Invalid("/team", "the members of team %q are declared whole by a team_memberships object; give that one sources = [\"terraform\"] first, so that people from the group and people from code do not fight", team)}, nil
}

// peopleIn lists who is in the group of a mapping now.
func peopleIn(ctx context.Context, s *object.Scope, m *api.SCIMGroupMapping) ([]string, error) {
	column, value := "display_key", Fold(m.Group)
	if id, ok := strings.CutPrefix(m.Group, externalPrefix); ok {
		column, value = "external_id", id
	}
	return queryIDs(ctx, s, `SELECT gm.member_id FROM scim_group g CROSS JOIN scim_group_member gm WHERE g.workspace_id = $1 AND g.connection = $2 AND g.`+column+` = $3 AND gm.workspace_id = $1 AND gm.group_id = g.id`, s.WorkspaceID, m.Connection, value)
}
