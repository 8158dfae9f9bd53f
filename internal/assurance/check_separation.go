package assurance

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = declare("GH-AZ-04", dutiesApart)

// dutiesApart asks the question again from what the API lists, without the code that
// the server keeps rules with: a mistake there must not hide itself.
func dutiesApart(e *evaluation) outcome {
	e.covering("Declared rules, over workspace roles, team roles, role assignments and grants, also through teams, for active people other than the Owner and for service accounts. What the ownership of items gives is not counted; that requester and approver of a share are two people is for approval policies.")
	rules := list[api.SeparationOfDutiesRule](e, api.SeparationOfDutiesRuleKind)
	custom := map[string]api.Role{}
	for _, r := range list[api.Role](e, api.RoleKind) {
		custom[strings.ToLower(r.Name)] = r
	}
	held, groups := e.rolesHeld()
	if len(rules) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no separation-of-duties rule.")
	}
	for _, r := range rules {
		if r.Left == nil || r.Right == nil {
			e.gap("the rule %s could not be read", r.Name)
			continue
		}
		for _, group := range slices.Sorted(maps.Keys(groups)) {
			if dutyOf(r.Left, groups[group], custom)+dutyOf(r.Right, groups[group], custom) != "" {
				e.gap("who is in %s, which has a duty of the rule %s, is not listed by the API", group, r.Name)
			}
		}
		for _, who := range slices.Sorted(maps.Keys(held)) {
			left, right := dutyOf(r.Left, held[who], custom), dutyOf(r.Right, held[who], custom)
			if left != "" && right != "" {
				e.find("separation_of_duties_rule "+quote(r.Name), "%s has %s and also %s", who, left, right)
			}
		}
	}
	return e.verdict("None of %d principals has both duties of any of %s.", len(held), count(len(rules), "rule"))
}

// rolesHeld lists what everyone holds: "workspace admin", "team editor", or the name of
// a role; and apart what pushed groups give, whose members the API does not list.
func (e *evaluation) rolesHeld() (held, groups map[string][]string) {
	given, groups := map[string][]string{}, map[string][]string{}
	for _, a := range list[api.RoleAssignment](e, api.RoleAssignmentKind) {
		if a.ExpiresAt == nil || a.ExpiresAt.After(e.now()) {
			p := strings.ToLower(a.Principal)
			given[p] = append(given[p], strings.ToLower(a.Role))
		}
	}
	for _, g := range list[api.AccessGrant](e, api.AccessGrantKind) {
		if g.State == api.StatePendingApproval || g.ExpiresAt != nil && !g.ExpiresAt.After(e.now()) {
			continue
		}
		role := strings.ToLower(g.Role)
		if level, err := vocabulary.ParseLevel(g.Level); err == nil && role == "" {
			role = strings.ToLower(level.RoleName())
		}
		p := strings.ToLower(g.Principal)
		given[p] = append(given[p], role)
	}
	for principal, roles := range given {
		if strings.HasPrefix(principal, "group:") {
			groups[principal] = roles
		}
	}
	held = map[string][]string{}
	for _, m := range list[api.Member](e, api.MemberKind) {
		if email := strings.ToLower(m.Email); m.Active && m.WorkspaceRole != "owner" {
			held["member:"+email] = slices.Concat([]string{"workspace " + m.WorkspaceRole}, given["member:"+email], given["email:"+email])
		}
	}
	for _, a := range list[api.ServiceAccount](e, api.ServiceAccountKind) {
		if who := "service_account:" + strings.ToLower(a.Name); a.Active {
			held[who] = append([]string{"workspace " + a.WorkspaceRole}, given[who]...)
		}
	}
	for _, t := range list[api.TeamMembership](e, api.TeamMembershipKind) {
		who := "member:" + strings.ToLower(t.Principal)
		if _, active := held[who]; active && (t.ExpiresAt == nil || t.ExpiresAt.After(e.now())) {
			held[who] = append(append(held[who], "team "+t.Role), given["team:"+strings.ToLower(t.Team)]...)
		}
	}
	return held, groups
}

// dutyOf says through what somebody has a duty, "" when they have not.
func dutyOf(d *api.Duty, held []string, custom map[string]api.Role) string {
	for _, role := range held {
		if slices.Contains(d.Roles, role) {
			return "the role " + role
		}
		for _, pattern := range d.Permissions {
			names, err := vocabulary.Expand(pattern)
			if err != nil {
				continue
			}
			for _, name := range names {
				if gives(role, name, custom) {
					return fmt.Sprintf("%s (%s)", name, role)
				}
			}
		}
	}
	return ""
}

// gives tells whether a role, custom, built-in or of the workspace, includes a
// permission somewhere. A deny without paths takes it back.
func gives(role, name string, custom map[string]api.Role) bool {
	p, _ := vocabulary.Lookup(name)
	if ws, ok := strings.CutPrefix(role, "workspace "); ok {
		r := vocabulary.Role(ws)
		return p.AllowsRole(r) || p.Governance && r.Governs()
	}
	if team, ok := strings.CutPrefix(role, "team "); ok {
		r := vocabulary.TeamRole(team)
		return vocabulary.LevelAllows(r.Level(), name) || slices.Contains(r.Extra(), name)
	}
	for _, l := range vocabulary.Levels() {
		if strings.EqualFold(l.RoleName(), role) {
			return vocabulary.LevelAllows(l, name)
		}
	}
	r, known := custom[role]
	if !known || p.OwnerOnly() {
		return false
	}
	level, err := vocabulary.ParseLevel(r.BaseLevel)
	allowed := err == nil && vocabulary.LevelAllows(level, name)
	for _, st := range r.Statements {
		names, err := vocabulary.ExpandAll(st.Permissions)
		if err != nil || !slices.Contains(names, name) {
			continue
		}
		if st.Effect == "deny" && len(st.Paths) == 0 {
			return false
		}
		allowed = allowed || st.Effect == "allow"
	}
	return allowed
}
