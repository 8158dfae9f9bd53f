package api

import (
	"strings"
	"time"
)

// Member is a person's identity in one workspace (C012 to C015).
type Member struct {
	Meta
	Email         string     `json:"email" required:"true" immutable:"true" format:"email" filter:"true" doc:"E-mail address; the natural key, compared without regard to case."`
	WorkspaceRole string     `json:"workspace_role" enum:"admin,member" output:"owner,guest" default:"member" filter:"true" doc:"Workspace role. The owner is set with workspace_owner, guests with guest."`
	DisplayName   string     `json:"display_name,omitempty" maxLength:"200" computed:"true" doc:"Name that people see; owned by SCIM for provisioned members."`
	Active        bool       `json:"active" default:"true" filter:"true" doc:"Suspended members (false) are denied on their next request."`
	Source        string     `json:"source,omitempty" readOnly:"true" filter:"true" doc:"Which door created the member: terraform, scim, manual or system."`
	SSOExempt     bool       `json:"sso_exempt" readOnly:"true" doc:"May sign in with a password although SSO is enforced (X02)."`
	ExternalID    string     `json:"external_id,omitempty" readOnly:"true" doc:"Identifier of the person at the identity provider."`
	Connection    string     `json:"connection_name,omitempty" readOnly:"true" doc:"Provisioning connection that the member came through."`
	SuspendedAt   *time.Time `json:"suspended_at,omitempty" readOnly:"true" doc:"When the member was suspended."`
}

// MemberKind declares member.
var MemberKind = Declare(Kind{
	Name: "member", Plural: "members", Prefix: "mem", Destroy: DestroySuspend,
	Doc: "A person in the workspace and their workspace role.",
}, func(m *Member) string { return strings.ToLower(m.Email) })
