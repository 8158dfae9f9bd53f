package api

import (
	"strings"
)

// SCIMGroupMapping says what a pushed group means (C039).
type SCIMGroupMapping struct {
	Meta
	Connection     string `json:"connection_name" required:"true" immutable:"true" format:"slug" filter:"true" doc:"Name of the provisioning connection."`
	Group          string `json:"group" required:"true" immutable:"true" maxLength:"255" filter:"true" doc:"displayName of the group at the identity provider, or external:ID for its externalId."`
	Team           string `json:"team,omitempty" format:"slug" ref:"team" filter:"true" doc:"Team that members of the group join; with team_role."`
	TeamRole       string `json:"team_role,omitempty" enum:"team_admin,editor,reviewer,viewer" doc:"Their role in the team."`
	WorkspaceRole  string `json:"workspace_role,omitempty" enum:"admin,member" doc:"Workspace role that members of the group receive."`
	Role           string `json:"role,omitempty" maxLength:"100" doc:"Role that members of the group receive on scope."`
	Scope          string `json:"scope,omitempty" format:"path" doc:"Item path of role."`
	OnGroupDeleted string `json:"on_group_deleted" enum:"keep,revoke" default:"revoke" doc:"What happens to derived memberships when the group is deleted at the identity provider."`
}

// SCIMGroupMappingKind declares scim_group_mapping.
var SCIMGroupMappingKind = Declare(Kind{
	Name: "scim_group_mapping", Plural: "scim_group_mappings", Prefix: "scgm", Security: true, Destroy: DestroyRevoke,
	Doc: "What a group pushed by the identity provider means here.",
}, func(m *SCIMGroupMapping) string {
	return strings.ToLower(m.Connection) + "/" + strings.ToLower(m.Group) + "/" + m.target()
})

// target is the part of the key that tells mappings of one group apart.
func (m *SCIMGroupMapping) target() string {
	switch {
	case m.Team != "":
		return "team:" + strings.ToLower(m.Team)
	case m.WorkspaceRole != "":
		return "workspace_role"
	case m.Role != "":
		return "role:" + strings.ToLower(m.Role) + "@" + strings.ToLower(m.Scope)
	}
	return "nothing"
}

// Validate checks that the mapping means exactly one thing.
func (m *SCIMGroupMapping) Validate() []Violation {
	targets := 0
	for _, t := range []string{m.Team, m.WorkspaceRole, m.Role} {
		if t != "" {
			targets++
		}
	}
	switch {
	case targets == 0:
		return []Violation{Required("/team", "the mapping leads to nothing; give team and team_role, or workspace_role, or role and scope")}
	case targets > 1:
		return []Violation{Invalid("/team", "a mapping has one meaning: team and team_role, or workspace_role, or role and scope; write one mapping for each")}
	case m.Team != "" && m.TeamRole == "":
		return []Violation{Required("/team_role", "team needs team_role: team_admin, editor, reviewer or viewer")}
	case m.Team == "" && m.TeamRole != "":
		return []Violation{Invalid("/team_role", "team_role needs team")}
	case m.Role != "" && m.Scope == "":
		return []Violation{Required("/scope", "role needs scope, the item path it applies to; \"/\" is the workspace")}
	case m.Role == "" && m.Scope != "":
		return []Violation{Invalid("/scope", "scope needs role")}
	}
	return nil
}
