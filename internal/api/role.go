package api

import (
	"strings"
)

// Role is a custom role: statements over permissions and paths (C027, X22).
type Role struct {
	Meta
	Name         string          `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key. Built-in role names are reserved."`
	Description  string          `json:"description,omitempty" maxLength:"500" doc:"What the role is for."`
	BaseLevel    string          `json:"base_level,omitempty" enum:"view,comment,edit,manage,full_access" doc:"Level that the role gives on the scope it is assigned on; none when absent."`
	Statements   []RoleStatement `json:"statements,omitempty" maxItems:"200" doc:"What the role allows or denies, in addition to base_level. A deny always wins."`
	AssignableTo []string        `json:"assignable_to,omitempty" items:"member,team,service_account,group,guest" maxItems:"5" doc:"Kinds of principal the role may be assigned to; all when empty."`
}

// RoleStatement allows or denies permissions on paths.
type RoleStatement struct {
	Effect      string   `json:"effect" required:"true" enum:"allow,deny" doc:"allow or deny."`
	Permissions []string `json:"permissions" required:"true" maxItems:"100" doc:"Permissions, e.g. asset.read, share_link.* or *."`
	Paths       []string `json:"paths,omitempty" maxItems:"100" doc:"Item paths this statement covers with everything below; the scope of the assignment when empty."`
}

// RoleKind declares role.
var RoleKind = Declare(Kind{
	Name: "role", Plural: "roles", Prefix: "role", Security: true, Destroy: DestroyDelete,
	Doc: "A custom role.",
}, func(r *Role) string { return strings.ToLower(r.Name) })
