package api

import (
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// maxRoleTerms bounds permissions and paths over all statements of a role: every
// decision of a holder evaluates its statements.
const maxRoleTerms = 2000

// reservedRoleNames mean something else wherever a role can be named: the levels in
// access_grants, the built-in item roles (C026, X05) and the workspace roles.
func reservedRoleNames() []string {
	var out []string
	for _, l := range vocabulary.Levels() {
		out = append(out, l.String(), strings.ToLower(l.RoleName()))
	}
	for _, r := range append(vocabulary.Roles(), vocabulary.RoleViewer) {
		out = append(out, string(r))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Validate checks names against the catalogue of permissions, so that a misspelt
// deny is refused while it is written and not found out when it fails to deny.
func (r *Role) Validate() []Violation {
	var out []Violation
	if reserved := reservedRoleNames(); slices.Contains(reserved, strings.ToLower(r.Name)) {
		out = append(out, Invalid("/name", "%q is built in and cannot be defined; choose another name, e.g. finance-%s (reserved: %s)", r.Name, r.Name, strings.Join(reserved, ", ")))
	}
	terms := 0
	for i, st := range r.Statements {
		terms += len(st.Permissions) + len(st.Paths)
		for j, pattern := range st.Permissions {
			if v := unknownPermission(fmt.Sprintf("/statements/%d/permissions/%d", i, j), pattern); v != nil {
				out = append(out, *v)
			}
		}
		for j, path := range st.Paths {
			if _, err := vocabulary.ParsePathPattern(path); err != nil {
				out = append(out, Invalid(fmt.Sprintf("/statements/%d/paths/%d", i, j), "%v; write e.g. /finance, or /finance/*/drafts", err))
			}
		}
	}
	if terms > maxRoleTerms {
		out = append(out, Invalid("/statements", "the statements name %d permissions and paths; at most %d are allowed. Use patterns such as asset.*, or split the role", terms, maxRoleTerms))
	}
	return out
}

// unknownPermission is the violation of a pattern that covers no permission.
func unknownPermission(at, pattern string) *Violation {
	_, err := vocabulary.Expand(pattern)
	if err == nil {
		return nil
	}
	v := Invalid(at, "%q is not a permission; the data source gatehouse_permissions lists them all", pattern)
	v.Code = "unknown_permission"
	if near := vocabulary.Suggest(pattern); near != "" {
		v.Message = fmt.Sprintf("%q is not a permission; did you mean %q?", pattern, near)
	}
	return &v
}

// checkItemPath refuses paths that no item can have. The format "path" normalises;
// this is the stricter form that decisions use.
func checkItemPath(at, path string) []Violation {
	if err := vocabulary.ValidatePath(path); err != nil {
		return []Violation{Invalid(at, "%v; write e.g. /finance/quarterly", err)}
	}
	return nil
}

// checkDeclaredPath is checkItemPath for items that are made: the root always is.
func checkDeclaredPath(at, path string) []Violation {
	if path == vocabulary.RootPath {
		return []Violation{Invalid(at, "\"/\" is the workspace itself; write the path of the item, e.g. /finance")}
	}
	return checkItemPath(at, path)
}
