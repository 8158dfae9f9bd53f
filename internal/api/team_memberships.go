package api

import (
	"strings"
)

// TeamMemberships is the authoritative reading of a team's members.
type TeamMemberships struct {
	Meta
	Team    string            `json:"team" required:"true" immutable:"true" format:"slug" ref:"team" filter:"true" doc:"Slug of the team."`
	Members map[string]string `json:"members" required:"true" values:"team_admin,editor,reviewer,viewer" keyFormat:"email" maxItems:"100000" doc:"Team role by e-mail. People who are not listed are removed, within sources."`
	Sources []string          `json:"sources" items:"terraform,manual,scim" default:"[\"terraform\",\"manual\"]" maxItems:"3" doc:"Memberships of which sources this object governs. A team with a SCIM group mapping needs sources = [\"terraform\"]."`
}

// TeamMembershipsKind declares team_memberships.
var TeamMembershipsKind = Declare(Kind{
	Name: "team_memberships", Plural: "team_membership_sets", Prefix: "tmms", View: true, Of: "team_membership", PermissionsOf: "team_membership", Destroy: DestroyRevoke,
	Doc: "All members of one team (authoritative within sources).",
}, func(m *TeamMemberships) string { return strings.ToLower(m.Team) })
