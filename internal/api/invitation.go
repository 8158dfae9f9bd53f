package api

import (
	"fmt"
	"strings"
	"time"
)

// States of an invitation beside pending_approval.
const (
	InvitationPending  = "pending"
	InvitationAccepted = "accepted"
	InvitationDeclined = "declined"
	InvitationExpired  = "expired"
)

// Invitation asks somebody by mail to join the workspace (C064, C077, X14). They are a
// member, or a guest, once they accept.
type Invitation struct {
	Meta
	Email         string     `json:"email" required:"true" immutable:"true" format:"email" filter:"true" doc:"Whom it is for; the natural key, compared without regard to case. There is one open invitation for an address."`
	WorkspaceRole string     `json:"workspace_role" enum:"admin,member,guest" default:"member" doc:"What they will be. A guest needs projects, and obeys what gatehouse_guest does."`
	Teams         []string   `json:"teams,omitempty" format:"slug" maxItems:"50" doc:"Teams that they join at once when they accept."`
	TeamRole      string     `json:"team_role" enum:"team_admin,editor,reviewer,viewer" default:"viewer" doc:"Their role in the teams."`
	Projects      []string   `json:"projects,omitempty" format:"path" maxItems:"200" doc:"Of a guest: paths of the items to work on."`
	MaxLevel      string     `json:"max_level,omitempty" enum:"view,comment,edit" doc:"Of a guest: the level on the projects; view when absent."`
	Sponsor       string     `json:"sponsor,omitempty" format:"email" doc:"Of a guest: e-mail of the active member who answers for them."`
	Message       string     `json:"message,omitempty" maxLength:"1000" doc:"Words of your own in the mail. A change shows when the invitation is sent again; a change of what is offered sends it again at once."`
	ExpiresIn     string     `json:"expires_in" format:"duration" default:"7d" doc:"How long the link in the mail is good, e.g. 7d; from one hour to 30d. A change counts from when it was sent."`
	State         string     `json:"state,omitempty" readOnly:"true" doc:"pending, pending_approval (nothing was sent yet, C055), accepted, declined or expired. One that is revoked is gone."`
	Inviter       string     `json:"inviter,omitempty" readOnly:"true" doc:"Principal that invites."`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" readOnly:"true" doc:"When the link in the mail ends."`
}

// InvitationKind declares invitation.
var InvitationKind = Declare(Kind{
	Name: "invitation", Plural: "invitations", Prefix: "inv", Destroy: DestroyRevoke,
	Doc: "A mail that asks somebody to join the workspace.",
}, func(i *Invitation) string { return strings.ToLower(i.Email) })

// Validate checks that what is given fits the role.
func (i *Invitation) Validate() []Violation {
	var out []Violation
	if d, err := ParseDuration(i.ExpiresIn); err == nil && (d < 60*Minute || d > 30*Day) {
		out = append(out, Invalid("/expires_in", "%s is not from one hour to 30 days; write e.g. 7d", i.ExpiresIn))
	}
	if i.WorkspaceRole == "guest" {
		if len(i.Projects) == 0 {
			out = append(out, Required("/projects", "a guest works on items; name at least one"))
		}
		if i.Sponsor == "" {
			out = append(out, Required("/sponsor", "somebody of the organisation answers for a guest; name them"))
		} else if strings.EqualFold(i.Sponsor, i.Email) {
			out = append(out, Invalid("/sponsor", "nobody vouches for themselves; name a member of the organisation"))
		}
		if len(i.Teams) > 0 {
			out = append(out, Invalid("/teams", "a guest is invited to items, not to teams; leave teams out, or write workspace_role = \"member\""))
		}
		for n, p := range i.Projects {
			out = append(out, checkDeclaredPath(fmt.Sprintf("/projects/%d", n), p)...)
		}
		return out
	}
	for _, only := range []struct {
		at    string
		given bool
	}{{"/projects", len(i.Projects) > 0}, {"/max_level", i.MaxLevel != ""}, {"/sponsor", i.Sponsor != ""}} {
		if only.given {
			out = append(out, Invalid(only.at, "only used when workspace_role = \"guest\"; remove it"))
		}
	}
	return out
}
