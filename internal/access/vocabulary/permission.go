package vocabulary

import (
	"fmt"
	"slices"
	"strings"
)

// Scope says what a permission is checked against.
type Scope string

// ScopeItem permissions are checked on one item and follow levels;
// ScopeWorkspace permissions are checked on the workspace and follow roles.
const (
	ScopeItem      Scope = "item"
	ScopeWorkspace Scope = "workspace"
)

// Permission is one atom of the catalogue.
type Permission struct {
	// Name is `noun.verb`, for example asset.read.
	Name string
	// Description says in one sentence what a holder may do.
	Description string
	// Scope says whether MinLevel or WorkspaceRoles decides.
	Scope Scope
	// MinLevel is the lowest level that includes an item permission.
	MinLevel Level
	// WorkspaceRoles may use a workspace permission without any custom role.
	WorkspaceRoles []Role
	// Governance marks item permissions that owners and admins always have:
	// administration of grants, sharing and structure, never content (X05).
	Governance bool
	// Archived marks changing permissions that still work on an archived item.
	Archived bool
	// read marks permissions that change nothing.
	read bool
}

// ReadOnly reports whether using the permission changes nothing; read-only
// tokens may use only such permissions.
func (p Permission) ReadOnly() bool { return p.read }

// OwnerOnly reports whether nobody but the workspace owner can ever use the
// permission, whatever roles are assigned (C032, X03, X08).
func (p Permission) OwnerOnly() bool {
	return p.Scope == ScopeWorkspace && len(p.WorkspaceRoles) == 1 && p.WorkspaceRoles[0] == RoleOwner
}

// AllowsRole reports whether the workspace role alone gives a workspace
// permission.
func (p Permission) AllowsRole(r Role) bool {
	return p.Scope == ScopeWorkspace && slices.Contains(p.WorkspaceRoles, r)
}

var (
	catalogue = buildCatalogue()
	byName    = indexCatalogue(catalogue)
)

func indexCatalogue(ps []Permission) map[string]int {
	index := make(map[string]int, len(ps))
	for i, p := range ps {
		if _, dup := index[p.Name]; dup {
			panic("vocabulary: permission listed twice: " + p.Name)
		}
		index[p.Name] = i
	}
	return index
}

// Permissions lists the whole catalogue, sorted by name. The caller may change
// the slice but not the role slices inside.
func Permissions() []Permission { return slices.Clone(catalogue) }

// PermissionNames lists the names of the catalogue, sorted.
func PermissionNames() []string {
	names := make([]string, len(catalogue))
	for i, p := range catalogue {
		names[i] = p.Name
	}
	return names
}

// Lookup finds a permission by its exact name.
func Lookup(name string) (Permission, bool) {
	i, ok := byName[name]
	if !ok {
		return Permission{}, false
	}
	return catalogue[i], true
}

// Known reports whether the catalogue has the name.
func Known(name string) bool {
	_, ok := byName[name]
	return ok
}

// LevelAllows reports whether the level alone includes the item permission. It
// is false for workspace permissions and unknown names.
func LevelAllows(l Level, name string) bool {
	p, ok := Lookup(name)
	return ok && p.Scope == ScopeItem && l >= p.MinLevel && l <= LevelFullAccess
}

// PermissionsOfLevel lists the item permissions that a level includes.
func PermissionsOfLevel(l Level) []string {
	var names []string
	for _, p := range catalogue {
		if LevelAllows(l, p.Name) {
			names = append(names, p.Name)
		}
	}
	return names
}

// PermissionsOfRole lists the workspace permissions that a role includes.
func PermissionsOfRole(r Role) []string {
	var names []string
	for _, p := range catalogue {
		if p.AllowsRole(r) {
			names = append(names, p.Name)
		}
	}
	return names
}

// MatchPermission reports whether a permission pattern covers a name. A pattern
// is a name, a prefix followed by ".*" (asset.* covers asset.delete.own), or "*".
func MatchPermission(pattern, name string) bool {
	if pattern == "*" || pattern == name {
		return true
	}
	prefix, ok := strings.CutSuffix(pattern, ".*")
	return ok && prefix != "" && len(name) > len(prefix) && name[len(prefix)] == '.' && name[:len(prefix)] == prefix
}

// Expand lists the names that a permission pattern covers, sorted. A pattern
// that covers nothing is an error that proposes the nearest name.
func Expand(pattern string) ([]string, error) {
	if _, ok := byName[pattern]; ok {
		return []string{pattern}, nil
	}
	var names []string
	for _, p := range catalogue {
		if MatchPermission(pattern, p.Name) {
			names = append(names, p.Name)
		}
	}
	if len(names) > 0 {
		return names, nil
	}
	if near := Suggest(pattern); near != "" {
		return nil, fmt.Errorf("unknown permission %q: did you mean %q?", clip(pattern), near)
	}
	return nil, fmt.Errorf("unknown permission %q: the permissions data source lists the catalogue", clip(pattern))
}

// ExpandAll expands several patterns into one sorted list without repeats.
func ExpandAll(patterns []string) ([]string, error) {
	var all []string
	for _, p := range patterns {
		names, err := Expand(p)
		if err != nil {
			return nil, err
		}
		all = append(all, names...)
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}

// Suggest returns the known name nearest to a misspelt one, for error messages.
// It keeps a trailing wildcard (assets.* gives asset.*) and is empty when
// nothing is near.
func Suggest(name string) string {
	name = strings.ToLower(strings.TrimSpace(name))
	if name == "" || len(name) > 64 {
		return ""
	}
	if Known(name) {
		return name
	}
	candidates := PermissionNames()
	if strings.HasSuffix(name, ".*") {
		candidates = prefixes()
	}
	best, bestDistance := "", len(name)/3+1
	for _, c := range candidates {
		// Strictly nearer only: the list is sorted, so the answer is stable.
		if d := distance(name, c); d <= bestDistance && (best == "" || d < distance(name, best)) {
			best, bestDistance = c, d
		}
	}
	return best
}

// prefixes lists every `noun.*` pattern of the catalogue.
func prefixes() []string {
	var out []string
	for _, p := range catalogue {
		noun, _, _ := strings.Cut(p.Name, ".")
		out = append(out, noun+".*")
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// distance is the Levenshtein distance of two short ASCII strings.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := 1; i <= len(a); i++ {
		diagonal := row[0]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			next := min(row[j]+1, row[j-1]+1, diagonal+cost)
			diagonal, row[j] = row[j], next
		}
	}
	return row[len(b)]
}
