package assurance

import (
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
)

var (
	_ = declare("GH-AZ-01", privilegeInCode)
	_ = declare("GH-AZ-02", externalCeiling)
	_ = declare("GH-AZ-03", customRoles)
	_ = declare("GH-AZ-05", timeBound)
	_ = declare("GH-AZ-06", decidedEachRequest)
)

// wire is a live object of any kind, as far as ownership goes.
type wire map[string]any

func (w wire) text(name string) string {
	s, _ := w[name].(string)
	return s
}

func (w wire) manager() (kind, stack string) {
	m, _ := w["managed_by"].(map[string]any)
	return wire(m).text("kind"), wire(m).text("stack")
}

// privilegedAssignments are the kinds that make somebody privileged.
var privilegedAssignments = []*api.Kind{api.MemberKind, api.ServiceAccountKind, api.RoleAssignmentKind, api.SCIMGroupMappingKind}

func privilegeInCode(e *evaluation) outcome {
	e.covering("Declared means: in the state given, or stamped by the server as owned by another stack, or derived from a group mapping that is declared. The Owner exists from the making of the workspace and counts as declared.")
	if !e.hasState() {
		return e.notAssessed("")
	}
	byID := map[string]bool{}
	for _, r := range e.s.State.Resources {
		byID[r.ID()] = true
	}
	ours := map[string]bool{}
	for _, kind := range privilegedAssignments {
		for _, o := range list[wire](e, kind) {
			if manager, stack := o.manager(); byID[o.text("id")] && manager == api.ManagedByTerraform {
				ours[stack] = true
			}
		}
	}
	login := single[api.LoginPolicy](e, api.LoginPolicyKind)
	privileged, elsewhere, mapped := 0, 0, 0
	for _, kind := range privilegedAssignments {
		c := e.s.Objects[kind.Name]
		for _, o := range c.Items {
			doc := wire(o)
			if !drift.Privileged(kind, o) || doc.text("workspace_role") == "owner" && kind == api.MemberKind {
				continue
			}
			privileged++
			manager, stack := doc.manager()
			switch {
			case byID[doc.text("id")]:
			case login != nil && kind == api.MemberKind && slices.Contains(login.ExemptPrincipals, strings.ToLower(doc.text("email"))) && login.ManagedBy != nil && login.ManagedBy.Kind == api.ManagedByTerraform:
			case manager == api.ManagedByTerraform && !ours[stack]:
				elsewhere++
			case manager == api.ManagedBySCIM:
				mapped++
			default:
				e.find(kind.Name+" "+quote(doc.text("key")), "gives privilege and is declared by no code")
			}
		}
	}
	return e.verdict("Each of %d privileged assignments is declared: %d in the state given, %d by other stacks, %d by mapped groups.", privileged, privileged-elsewhere-mapped, elsewhere, mapped)
}

// above are the levels that an external principal never has (X05).
var above = []string{"manage", "full_access"}

func externalCeiling(e *evaluation) outcome {
	e.covering("What is declared: workspace roles, grants, role assignments and team roles. Decisions apply the guest ceiling on top of it.")
	members := list[api.Member](e, api.MemberKind)
	grants := list[api.AccessGrant](e, api.AccessGrantKind)
	assignments := list[api.RoleAssignment](e, api.RoleAssignmentKind)
	teams := list[api.TeamMembership](e, api.TeamMembershipKind)
	strong := e.strongRoles()
	external := map[string]bool{}
	for _, m := range members {
		if m.Active && m.WorkspaceRole == "guest" {
			external["member:"+strings.ToLower(m.Email)] = true
		}
	}
	isExternal := func(principal string) bool {
		kind, _, _ := api.SplitPrincipal(principal)
		return kind == "email" || kind == "viewer" || external[strings.ToLower(principal)]
	}
	looked := len(external)
	for _, g := range grants {
		if !isExternal(g.Principal) || g.State == api.StatePendingApproval || g.ExpiresAt != nil && !g.ExpiresAt.After(e.now()) {
			continue
		}
		looked++
		if slices.Contains(above, g.Level) || strong[strings.ToLower(g.Role)] {
			e.find("access_grant "+quote(g.Key), "gives %s to the external principal %s", g.Level+g.Role, g.Principal)
		}
	}
	for _, a := range assignments {
		if !isExternal(a.Principal) || a.ExpiresAt != nil && !a.ExpiresAt.After(e.now()) {
			continue
		}
		looked++
		if strong[strings.ToLower(a.Role)] {
			e.find("role_assignment "+quote(a.Key), "gives the role %s to the external principal %s", a.Role, a.Principal)
		}
	}
	for _, t := range teams {
		if external["member:"+strings.ToLower(t.Principal)] && t.Role == "team_admin" {
			e.find("team_membership "+quote(t.Key), "makes the guest %s an admin of the team", t.Principal)
		}
	}
	if looked == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no guest and nothing is given to an external principal.")
	}
	return e.verdict("%d guests and things given to external principals stay at edit or below, without invitations.", looked)
}

// strongRoles are the roles, built-in and custom, that go above the guest ceiling.
func (e *evaluation) strongRoles() map[string]bool {
	strong := map[string]bool{"manager": true, "admin": true}
	for _, r := range list[api.Role](e, api.RoleKind) {
		is := slices.Contains(above, r.BaseLevel)
		for _, st := range r.Statements {
			is = is || st.Effect == "allow" && slices.ContainsFunc(st.Permissions, func(p string) bool {
				return slices.Contains([]string{"*", "member.*", "member.invite", "member.write", "grant.*", "grant.create"}, p)
			})
		}
		strong[strings.ToLower(r.Name)] = is
	}
	return strong
}

func customRoles(e *evaluation) outcome {
	roles := list[api.Role](e, api.RoleKind)
	assignments := list[api.RoleAssignment](e, api.RoleAssignmentKind)
	grants := list[api.AccessGrant](e, api.AccessGrantKind)
	used := map[string]bool{}
	for _, a := range assignments {
		used[strings.ToLower(a.Role)] = true
	}
	for _, g := range grants {
		used[strings.ToLower(g.Role)] = true
	}
	for _, m := range list[api.SCIMGroupMapping](e, api.SCIMGroupMappingKind) {
		used[strings.ToLower(m.Role)] = true
	}
	for i := range roles {
		r := &roles[i]
		object := "role " + quote(r.Name)
		bounded := false
		for _, st := range r.Statements {
			bounded = bounded || st.Effect == "deny" || len(st.Paths) > 0
			if st.Effect == "allow" && slices.Contains(st.Permissions, "*") && (len(st.Paths) == 0 || slices.Contains(st.Paths, "/")) {
				e.find(object, "allows every permission at the root of the workspace")
			}
		}
		if !bounded && len(r.Statements) > 0 {
			e.find(object, "has neither a deny nor a path")
		}
		if !used[strings.ToLower(r.Name)] && r.CreatedAt != nil && e.now().Sub(*r.CreatedAt) > e.duration("days") {
			e.find(object, "is older than %s and nobody holds it", e.params["days"])
		}
	}
	if len(roles) == 0 && len(e.gaps) == 0 {
		return e.notApplicable("There is no custom role.")
	}
	return e.verdict("%s: each is bounded by a deny or by paths, and in use or new.", count(len(roles), "custom role"))
}

// bounded is what time-bound things have in common.
type bounded struct {
	api.Meta
	Principal string     `json:"principal"`
	ExpiresAt *time.Time `json:"expires_at"`
}

func timeBound(e *evaluation) outcome {
	e.covering("Grants, role assignments and team memberships. Ended ones that are still listed were asked about: access/effective must not cite them. Elevation is not available in this version.")
	members := list[api.Member](e, api.MemberKind)
	guests := map[string]bool{}
	for _, m := range members {
		guests[strings.ToLower(m.Email)] = m.WorkspaceRole == "guest"
	}
	tried := map[string]Probe{}
	for _, p := range e.s.Probes {
		if p.Name == ProbeExpiredAccess {
			tried[p.Subject] = p
		}
	}
	ended, external := 0, 0
	for _, kind := range []*api.Kind{api.AccessGrantKind, api.RoleAssignmentKind, api.TeamMembershipKind} {
		for _, b := range list[bounded](e, kind) {
			object := kind.Name + " " + quote(b.Key)
			if b.ExpiresAt != nil && !b.ExpiresAt.After(e.now()) {
				ended++
				e.checkEnded(object, b, tried)
				continue
			}
			who, key, _ := api.SplitPrincipal(b.Principal)
			if who != "email" && !(who == "member" && guests[strings.ToLower(key)]) && !(kind == api.TeamMembershipKind && guests[strings.ToLower(b.Principal)]) {
				continue
			}
			external++
			switch {
			case b.ExpiresAt == nil:
				e.find(object, "is held by somebody external and never ends")
			case b.CreatedAt != nil && b.ExpiresAt.Sub(*b.CreatedAt) > e.duration("days")+time.Minute:
				e.find(object, "is held by somebody external for %d days; %s are the most", int(b.ExpiresAt.Sub(*b.CreatedAt)/api.Day), e.params["days"])
			}
		}
	}
	if ended+external == 0 && len(e.gaps) == 0 {
		return e.notApplicable("No grant, assignment or membership has ended, and none is held by somebody external.")
	}
	return e.verdict("%d ended grants, assignments and memberships give nothing any more, and each of %d held by somebody external ends within %s.", ended, external, e.params["days"])
}

func (e *evaluation) checkEnded(object string, b bounded, tried map[string]Probe) {
	p, ok := tried[b.ID]
	switch {
	case !ok:
		e.gap("%s ended and was not asked about", object)
	case p.Error != "":
		e.gap("%s ended and could not be asked about (%s)", object, p.Error)
	case !p.Held:
		e.find(object, "ended on %s and still gives access: %s", b.ExpiresAt.Format(time.RFC3339), p.Detail)
	}
}

func decidedEachRequest(e *evaluation) outcome {
	for _, r := range e.s.Routes.Items {
		if r.Permission == "" {
			e.find(r.Method+" "+r.Path, "has no permission bound to it")
		}
	}
	e.populations = append(e.populations, Population{Name: "routes", Query: "GET /openapi.json", Count: len(e.s.Routes.Items), Complete: e.s.Routes.Error == "", Digest: Digest(e.s.Routes.Items)})
	if e.s.Routes.Error != "" || len(e.s.Routes.Items) == 0 {
		e.gap("the server's OpenAPI document could not be read (%s)", e.s.Routes.Error)
	}
	tried := 0
	for _, p := range e.s.Probes {
		if p.Name != ProbeRevocation {
			continue
		}
		tried++
		switch {
		case p.Error != "":
			e.gap("the revocation canary could not be carried out (%s)", p.Error)
		case !p.Held:
			e.find(p.Subject, "a revoked credential was still accepted: %s", p.Detail)
		case time.Duration(p.Millis)*time.Millisecond > e.duration("s"):
			e.find(p.Subject, "the refusal came %d ms after the revocation; %s is the most", p.Millis, e.params["s"])
		}
	}
	if tried == 0 {
		e.gap("the revocation canary was not asked for (--canary; its token must be able to make a service account)")
	}
	e.populations = append(e.populations, Population{Name: "probes", Query: "revocation canary", Count: tried, Complete: tried > 0, Digest: Digest(e.s.Probes)})
	return e.verdict("A credential was refused on the request after its revocation, and each of %d routes has a permission bound to it.", len(e.s.Routes.Items))
}
