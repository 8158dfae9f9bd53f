package api

import (
	"strings"
	"time"
)

// TeamMembership is one principal in one team; additive.
type TeamMembership struct {
	Meta
	Team      string     `json:"team" required:"true" immutable:"true" format:"slug" ref:"team" filter:"true" doc:"Slug of the team."`
	Principal string     `json:"principal" required:"true" immutable:"true" format:"email" ref:"member" filter:"true" doc:"E-mail of the member."`
	Role      string     `json:"role" enum:"team_admin,editor,reviewer,viewer" default:"viewer" doc:"Team role (C018)."`
	ExpiresAt *time.Time `json:"expires_at,omitempty" doc:"When the membership ends by itself (RFC 3339)."`
	Source    string     `json:"source,omitempty" readOnly:"true" filter:"true" doc:"Where the membership comes from: terraform, scim or manual."`
}

// TeamMembershipKind declares team_membership.
var TeamMembershipKind = Declare(Kind{
	Name: "team_membership", Plural: "team_memberships", Prefix: "tmem", Destroy: DestroyRevoke,
	Doc: "One person's role in one team (additive).",
}, func(m *TeamMembership) string { return strings.ToLower(m.Team) + "/" + strings.ToLower(m.Principal) })
