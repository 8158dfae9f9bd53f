package api

import (
	"strings"
)

// Team is a group of principals that owns projects (C018). Members are held by
// team_membership or team_memberships, never by the team.
type Team struct {
	Meta
	Slug            string `json:"slug" required:"true" immutable:"true" format:"slug" doc:"Short name in paths and references; the natural key."`
	Name            string `json:"name" required:"true" maxLength:"200" doc:"Name that people see."`
	Description     string `json:"description,omitempty" maxLength:"1000" doc:"What the team does."`
	Parent          string `json:"parent,omitempty" format:"slug" ref:"team" filter:"true" doc:"Slug of the team above."`
	DefaultLevel    string `json:"default_level,omitempty" enum:"view,comment,edit,manage" doc:"Level that members get on the team's projects when their team role gives less."`
	ExternalAllowed bool   `json:"external_allowed" default:"false" doc:"Guests may be members of this team."`
	TransferTo      string `json:"transfer_to,omitempty" format:"slug" doc:"Team that receives the projects when this team is deleted; without it, deleting a team that owns projects is refused."`
}

// TeamKind declares team.
var TeamKind = Declare(Kind{
	Name: "team", Plural: "teams", Prefix: "team", Destroy: DestroyDelete,
	Doc: "A team: the group that owns projects and gives its members access to them.",
}, func(t *Team) string { return strings.ToLower(t.Slug) })
