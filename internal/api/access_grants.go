package api

import (
	"sort"
	"strings"
)

// AccessGrants is the authoritative reading of the grants on one item.
type AccessGrants struct {
	Meta
	Resource        string            `json:"resource" required:"true" immutable:"true" format:"path" filter:"true" doc:"Path of the item."`
	Grants          map[string]string `json:"grants" required:"true" keyFormat:"principal" maxItems:"50000" doc:"Level (view, comment, edit, manage, full_access) or custom role by principal. Who is not listed loses the grant, within sources."`
	Sources         []string          `json:"sources" items:"terraform,manual,scim" default:"[\"terraform\",\"manual\"]" maxItems:"3" doc:"Grants of which sources this object governs."`
	PendingApproval []string          `json:"pending_approval,omitempty" readOnly:"true" doc:"Principals outside whose grants wait for approval and give nothing until then (C055)."`
}

// AccessGrantsKind declares access_grants.
var AccessGrantsKind = Declare(Kind{
	Name: "access_grants", Plural: "access_grant_sets", Prefix: "grts", View: true, Of: "access_grant", PermissionsOf: "access_grant", Destroy: DestroyRevoke,
	Doc: "All grants on one item (authoritative within sources).",
}, func(g *AccessGrants) string { return strings.ToLower(g.Resource) })

// Validate checks that every principal gets something, from a source.
func (g *AccessGrants) Validate() []Violation {
	out := checkGrantPath(g.Resource)
	if len(g.Sources) == 0 {
		out = append(out, Required("/sources", "an empty list governs nothing; leave it out, or write e.g. [\"terraform\"]"))
	}
	principals := make([]string, 0, len(g.Grants))
	for p := range g.Grants {
		principals = append(principals, p)
	}
	sort.Strings(principals)
	for _, p := range principals {
		if v := g.Grants[p]; v == "" || v != strings.ToLower(v) {
			out = append(out, Invalid("/grants/"+escapePointer(p), "%q is neither a level nor the name of a role; write view, comment, edit, manage, full_access or a custom role in small letters", v))
		}
	}
	return out
}
