package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// Modes of an attribute policy.
const (
	PolicyEnforce    = "enforce"
	PolicyReportOnly = "report_only"
)

// AttributePolicy allows or denies permissions to everyone whose request meets a
// condition (C028). It has no priority: in Cedar the order of policies means nothing,
// and a deny outweighs any number of allows.
type AttributePolicy struct {
	Meta
	Name        string     `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key. Decisions cite it."`
	Description string     `json:"description,omitempty" maxLength:"500" doc:"What the policy is for."`
	Effect      string     `json:"effect" required:"true" enum:"allow,deny" doc:"What it does to the permissions when the condition holds. A deny always wins."`
	Permissions []string   `json:"permissions" required:"true" maxItems:"100" doc:"Permissions, e.g. asset.download, share_link.* or *."`
	Paths       []string   `json:"paths,omitempty" maxItems:"100" doc:"Item paths that the policy covers with everything below; the whole workspace when empty."`
	Condition   string     `json:"condition,omitempty" maxLength:"4000" doc:"Cedar condition that must hold, over principal, resource and context; always when absent."`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"When the policy ends by itself (RFC 3339)."`
	Mode        string     `json:"mode" enum:"enforce,report_only" default:"enforce" doc:"enforce decides; report_only changes no decision and shows in its reports what would have happened."`
}

// AttributePolicyKind declares attribute_policy.
var AttributePolicyKind = Declare(Kind{
	Name: "attribute_policy", Plural: "attribute_policies", Prefix: "apol", Security: true, Destroy: DestroyDelete,
	Doc: "Permissions allowed or denied by a condition over principal, item and request.",
}, func(p *AttributePolicy) string { return strings.ToLower(p.Name) })

// Validate checks permissions and paths against what there is, so that a misspelt
// deny is refused while it is written. The condition is checked by the server.
func (p *AttributePolicy) Validate() []Violation {
	out := checkPermissions("/permissions", p.Permissions)
	for i, path := range p.Paths {
		if _, err := vocabulary.ParsePathPattern(path); err != nil {
			out = append(out, Invalid(fmt.Sprintf("/paths/%d", i), "%v; write e.g. /finance, or /finance/*/drafts", err))
		}
	}
	if len(out) == 0 && p.covers(vocabulary.ScopeWorkspace) && !p.reachesRoot() && !p.covers(vocabulary.ScopeItem) {
		out = append(out, Invalid("/paths", "the permissions are about the workspace and not about items, so the policy would do nothing below %s; leave paths out", strings.Join(p.Paths, ", ")))
	}
	return out
}

// covers reports whether one of the permissions is of the scope.
func (p *AttributePolicy) covers(scope vocabulary.Scope) bool {
	names, err := vocabulary.ExpandAll(p.Permissions)
	if err != nil {
		return false
	}
	for _, name := range names {
		if atom, _ := vocabulary.Lookup(name); atom.Scope == scope {
			return true
		}
	}
	return false
}

func (p *AttributePolicy) reachesRoot() bool {
	for _, path := range p.Paths {
		if pattern, err := vocabulary.ParsePathPattern(path); err == nil && pattern.Covers(vocabulary.RootPath) {
			return true
		}
	}
	return len(p.Paths) == 0
}

// checkPermissions finds patterns that cover no permission.
func checkPermissions(at string, patterns []string) []Violation {
	var out []Violation
	for i, pattern := range patterns {
		if v := unknownPermission(fmt.Sprintf("%s/%d", at, i), pattern); v != nil {
			out = append(out, *v)
		}
	}
	return out
}
