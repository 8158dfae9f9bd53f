package api

import (
	"strings"
	"time"
)

// RoleAssignment gives a role to a principal on a scope (C026).
type RoleAssignment struct {
	Meta
	Role          string     `json:"role" required:"true" immutable:"true" format:"slug" filter:"true" doc:"Name of a custom role or of a built-in one (viewer, commenter, editor, manager, admin)."`
	Principal     string     `json:"principal" required:"true" immutable:"true" format:"principal" filter:"true" doc:"Who receives the role, e.g. member:ann@example.com, team:design, service_account:ci or group:Finance."`
	Scope         string     `json:"scope" immutable:"true" format:"path" default:"/" filter:"true" doc:"Item path that the role applies to, with everything below; / is the workspace."`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" doc:"When the assignment ends by itself (RFC 3339)."`
	Condition     string     `json:"condition,omitempty" maxLength:"4000" doc:"Cedar condition that must hold, over principal, resource and context."`
	Justification string     `json:"justification,omitempty" maxLength:"1000" doc:"Why; kept in the audit log."`
	Source        string     `json:"source,omitempty" readOnly:"true" filter:"true" doc:"Where the assignment comes from: terraform, scim or manual."`
}

// RoleAssignmentKind declares role_assignment.
var RoleAssignmentKind = Declare(Kind{
	Name: "role_assignment", Plural: "role_assignments", Prefix: "rasg", Security: true, Destroy: DestroyRevoke,
	Doc: "A role given to a principal on a scope.",
}, func(a *RoleAssignment) string {
	return strings.ToLower(a.Role) + "@" + strings.ToLower(a.Principal) + "@" + a.Scope
})

// Validate checks that the scope is the path of an item or the workspace.
func (a *RoleAssignment) Validate() []Violation { return checkItemPath("/scope", a.Scope) }
