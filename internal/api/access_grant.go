package api

import (
	"strings"
	"time"
)

// AccessGrant gives a principal a level or a role on an item (C020 to C025, C063).
type AccessGrant struct {
	Meta
	Resource      string     `json:"resource" required:"true" immutable:"true" format:"path" filter:"true" doc:"Path of the item."`
	Principal     string     `json:"principal" required:"true" immutable:"true" format:"principal" filter:"true" doc:"Who receives access, e.g. member:ann@example.com or team:design."`
	Level         string     `json:"level,omitempty" enum:"view,comment,edit,manage,full_access" doc:"Permission level; either level or role."`
	Role          string     `json:"role,omitempty" format:"slug" doc:"Custom role; either level or role."`
	ExpiresAt     *time.Time `json:"expires_at,omitempty" doc:"When the grant ends by itself (RFC 3339)."`
	AllowDownload bool       `json:"allow_download" default:"false" doc:"Originals may be downloaded although the level is view or comment (C021)."`
	Condition     string     `json:"condition,omitempty" maxLength:"4000" doc:"Cedar condition that must hold, over principal, resource and context."`
	Message       string     `json:"message,omitempty" maxLength:"1000" doc:"Words of your own in the mail that tells an e-mail address (email:…) of the grant. A change of them alone is not mailed (C064)."`
	Justification string     `json:"justification,omitempty" maxLength:"1000" doc:"Why; kept in the audit log."`
	Source        string     `json:"source,omitempty" readOnly:"true" filter:"true" doc:"Where the grant comes from: terraform, scim or manual."`
	State         string     `json:"state,omitempty" readOnly:"true" doc:"active, or pending_approval while a grant to somebody outside waits for approval and gives nothing (C055)."`
}

// AccessGrantKind declares access_grant.
var AccessGrantKind = Declare(Kind{
	Name: "access_grant", Plural: "access_grants", Prefix: "grnt", Destroy: DestroyRevoke,
	Doc: "Access of one principal to one item (additive).",
}, func(g *AccessGrant) string { return strings.ToLower(g.Principal) + "@" + strings.ToLower(g.Resource) })

// Validate checks that exactly one of level and role is given, on an item.
func (g *AccessGrant) Validate() []Violation {
	if bad := checkGrantPath(g.Resource); bad != nil {
		return bad
	}
	switch {
	case g.Level == "" && g.Role == "":
		return []Violation{Required("/level", "give a level (view, comment, edit, manage, full_access) or a custom role")}
	case g.Level != "" && g.Role != "":
		return []Violation{Invalid("/role", "give either level or role, not both")}
	case g.Message != "" && g.Principal != "" && !strings.HasPrefix(g.Principal, "email:"):
		return []Violation{Invalid("/message", "only an e-mail address is mailed (principal = \"email:…\"); remove it")}
	}
	return nil
}

// checkGrantPath refuses grants on the whole workspace: access to everything is a
// role with a scope, so that it shows where roles are reviewed.
func checkGrantPath(path string) []Violation {
	if path == "/" {
		return []Violation{Invalid("/resource", "a grant is on one item, e.g. /finance; for the whole workspace write a role_assignment with scope = \"/\"")}
	}
	return checkItemPath("/resource", path)
}
