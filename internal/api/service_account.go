package api

import (
	"strings"
)

// ServiceAccount is a machine identity with a human owner (GH-ID-08).
type ServiceAccount struct {
	Meta
	Name          string `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	Description   string `json:"description,omitempty" maxLength:"500" doc:"What the account is for."`
	Owner         string `json:"owner" required:"true" format:"email" ref:"member" doc:"E-mail of the member who answers for the account."`
	WorkspaceRole string `json:"workspace_role" enum:"admin,member" default:"member" filter:"true" doc:"Ceiling of what the account may administer."`
	Active        bool   `json:"active" default:"true" doc:"A suspended account is denied on its next request."`
}

// ServiceAccountKind declares service_account.
var ServiceAccountKind = Declare(Kind{
	Name: "service_account", Plural: "service_accounts", Prefix: "sva", Security: true, Destroy: DestroySuspend,
	Doc: "A machine identity, owned by a member.",
}, func(s *ServiceAccount) string { return strings.ToLower(s.Name) })
