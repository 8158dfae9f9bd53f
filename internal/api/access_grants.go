package api

import (
	"strings"
)

// AccessGrants is the authoritative reading of the grants on one item.
type AccessGrants struct {
	Meta
	Resource string            `json:"resource" required:"true" immutable:"true" format:"path" filter:"true" doc:"Path of the item."`
	Grants   map[string]string `json:"grants" required:"true" keyFormat:"principal" maxItems:"100000" doc:"Level (view, comment, edit, manage, full_access) or custom role by principal. Who is not listed loses the grant, within sources."`
	Sources  []string          `json:"sources,omitempty" items:"terraform,manual,scim" default:"[\"terraform\",\"manual\"]" maxItems:"3" doc:"Grants of which sources this object governs."`
}

// AccessGrantsKind declares access_grants.
var AccessGrantsKind = Declare(Kind{
	Name: "access_grants", Plural: "access_grant_sets", Prefix: "grts", View: true, Destroy: DestroyRevoke,
	Doc: "All grants on one item (authoritative within sources).",
}, func(g *AccessGrants) string { return strings.ToLower(g.Resource) })
