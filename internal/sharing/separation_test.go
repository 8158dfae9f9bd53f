package sharing_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func roles(names ...string) doc       { return doc{"roles": names} }
func permissions(names ...string) doc { return doc{"permissions": names} }

func separate(left, right doc, mode string) doc {
	return doc{"name": "four-eyes", "left": left, "right": right, "mode": mode}
}

// duties makes the roles requester and approver.
func (w *world) duties() {
	w.t.Helper()
	w.Create(w.t, w.Admin, api.RoleKind, doc{"name": "requester", "statements": []any{statement("allow", []string{"review.request"})}})
	w.Create(w.t, w.Admin, api.RoleKind, doc{"name": "approver", "statements": []any{statement("allow", []string{"review.verdict"})}})
}

func (w *world) assign(role, principal string) {
	w.t.Helper()
	w.Create(w.t, w.Admin, api.RoleAssignmentKind, doc{"role": role, "principal": principal, "scope": "/finance"})
}

// wantBreach expects a refusal that names who and which rule.
func (w *world) wantBreach(err error, at string, says ...string) {
	w.t.Helper()
	v := objecttest.WantViolation(w.t, err, at)
	if v.Code != "separation_of_duties" {
		w.t.Errorf("code = %q", v.Code)
	}
	wantWords(w.t, v.Message, append(says, `"four-eyes"`)...)
}

// reported lists who was reported, oldest first.
func (w *world) reported() []string {
	w.t.Helper()
	var out []string
	for _, e := range w.Events(w.t, audit.Filter{}) {
		if e.Action != "separation_of_duties.reported" {
			continue
		}
		var after struct{ Principal, Left, Right string }
		if err := json.Unmarshal(e.After, &after); err != nil || after.Left == "" || after.Right == "" || e.Target.Key != "four-eyes" {
			w.t.Errorf("event = %+v (%v)", e, err)
		}
		out = append(out, after.Principal)
	}
	return out
}

// The second duty is refused by whichever way it comes.
func TestNobodyReceivesBothDuties(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.duties()
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(roles("requester"), roles("approver"), "block"))
		w.assign("requester", who)

		_, err := w.TryCreate(t, w.Admin, api.RoleAssignmentKind, doc{"role": "approver", "principal": who, "scope": "/campaigns"})
		w.wantBreach(err, "/role", who, "the role requester (assigned to "+who+" on /finance)", "the role approver")
		_, err = w.TryCreate(t, w.Admin, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": who, "role": "approver"})
		w.wantBreach(err, "/principal", who)
		_, err = w.TryCreate(t, w.Admin, api.AccessGrantsKind, doc{"resource": "/campaigns", "grants": doc{who: "approver", "team:film": "view"}})
		w.wantBreach(err, "/grants/"+who, who)

		// Through a team, from both ends.
		w.assign("approver", "team:film")
		_, err = w.TryCreate(t, w.Admin, api.TeamMembershipKind, doc{"team": "film", "principal": nobody})
		w.wantBreach(err, "/team", who, "assigned to team:film on /finance")
		_, err = w.TryCreate(t, w.Admin, api.TeamMembershipsKind, doc{"team": "film", "members": doc{nobody: "viewer", designer: "viewer"}})
		w.wantBreach(err, "/members/"+nobody, who)
		w.Create(t, w.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": nobody})
		_, err = w.TryCreate(t, w.Admin, api.RoleAssignmentKind, doc{"role": "approver", "principal": "team:design", "scope": "/"})
		w.wantBreach(err, "/role", who)
		if n := len(w.reported()); n != 0 {
			t.Errorf("%d reports of refused changes", n)
		}

		// What is taken away, or gives neither duty, is nobody's concern.
		w.grant(who, "/campaigns", "edit")
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "requester@"+who+"@/finance")
		w.assign("approver", who)
		w.Create(t, w.Admin, api.TeamMembershipKind, doc{"team": "film", "principal": nobody})
	})
}

func TestAPlanLearnsOfABrokenRule(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.duties()
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(roles("requester"), roles("approver"), "block"))
		w.assign("requester", who)
		body := objecttest.JSON(t, doc{"role": "approver", "principal": who})
		_, err := w.Service.Create(context.Background(), w.Admin, api.RoleAssignmentKind, body, object.WriteOptions{DryRun: true})
		w.wantBreach(err, "/role", who)
	})
}

func TestDutiesThatHaveEndedAreHeldNoLonger(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.duties()
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(roles("requester"), roles("approver"), "block"))
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "requester", "principal": who, "expires_at": in(1)})
		w.Advance(25 * time.Hour)
		w.assign("approver", who)
	})
}

func TestPermissionsAreDutiesToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.duties()
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "clerk", "base_level": "view", "statements": []any{statement("allow", []string{"audit.*"}, "/"), statement("deny", []string{"audit.read"})}})
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(permissions("audit.read"), permissions("review.verdict", "asset.update"), "block"))
		w.assign("approver", who)
		w.assign("clerk", who) // allows and denies audit.read: nothing remains
		_, err := w.TryPut(t, w.Admin, api.MemberKind, nobody, doc{"email": nobody, "workspace_role": "admin"})
		w.wantBreach(err, "/workspace_role", "by the workspace role admin", "by the role approver")

		// A role that begins to give the duty is refused for those who hold it.
		_, err = w.TryPut(t, w.Admin, api.RoleKind, "clerk", doc{"name": "clerk", "base_level": "view", "statements": []any{statement("allow", []string{"audit.*"}, "/")}})
		w.wantBreach(err, "/statements", who, "audit.read")
		// So is a level; the Owner has everything and is left out.
		_, err = w.TryCreate(t, w.Owner, api.AccessGrantKind, doc{"resource": "/finance", "principal": "member:" + objecttest.AdminEmail, "level": "edit"})
		w.wantBreach(err, "/principal", "by the level edit", "granted to member:"+objecttest.AdminEmail+" on /finance")
		w.grant("member:"+objecttest.OwnerEmail, "/finance", "edit")
	})
}

func TestAReportingRuleRefusesNothingAndLeavesATrace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.duties()
		w.assign("requester", "team:design")
		w.assign("approver", "member:"+designer)
		rule := separate(roles("requester"), roles("approver"), "report")
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, rule)
		w.assign("requester", "member:"+nobody)
		w.assign("approver", "member:"+nobody)
		got := w.reported()
		if len(got) != 2 || got[0] != "member:"+designer || got[1] != "member:"+nobody {
			t.Errorf("reported %v", got)
		}
		// Blocking waits until nobody breaks the rule.
		_, err := w.TryPut(t, w.Admin, api.SeparationOfDutiesRuleKind, "four-eyes", separate(roles("requester"), roles("approver"), "block"))
		v := objecttest.WantViolation(t, err, "/mode")
		wantWords(t, v.Message, "member:"+designer+" has the role requester (assigned to team:design on /finance)", "member:"+nobody, "start with report")
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "approver@member:"+designer+"@/finance")
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "approver@member:"+nobody+"@/finance")
		w.Put(t, w.Admin, api.SeparationOfDutiesRuleKind, "four-eyes", separate(roles("requester"), roles("approver"), "block"))
	})
}

func TestSeparationRulesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		k := api.SeparationOfDutiesRuleKind
		w.duties()
		w.assign("requester", "member:"+nobody)
		w.assign("approver", "member:"+nobody)
		w.wantRefused([]refusal{
			{name: "a side with nothing", kind: k, at: "/left", says: []string{"roles, permissions or both"}, doc: separate(doc{}, roles("approver"), "block")},
			{name: "misspelt permission", kind: k, at: "/right/permissions/0", code: "unknown_permission", says: []string{`did you mean "audit.read"?`}, doc: separate(roles("requester"), permissions("audit.raed"), "block")},
			{name: "role that does not exist", kind: k, at: "/left/roles/0", code: api.ViolationReference, says: []string{"built-in roles"}, doc: separate(roles("nobody"), roles("approver"), "block")},
			{name: "one role on both sides", kind: k, at: "/right/roles/0", says: []string{"everyone who holds it"}, doc: separate(roles("approver"), roles("approver"), "block")},
			{name: "one permission on both sides", kind: k, at: "/right/permissions/0", says: []string{"everyone who has it"}, doc: separate(permissions("audit.read"), permissions("audit.*"), "block")},
			{name: "broken already", kind: k, at: "/mode", code: "separation_of_duties", says: []string{"member:" + nobody}, doc: separate(roles("requester"), roles("approver"), "block")},
		})
		w.Create(t, w.Admin, k, separate(roles("requester"), permissions("billing.write"), "block"))
		p := objecttest.WantProblem(t, w.remove(w.Admin, api.RoleKind, "requester"), api.CodeReferenced)
		wantWords(t, p.Detail, "separation_of_duties_rule four-eyes")
	})
}

func TestDutiesComeThroughPushedGroupsToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.duties()
		w.sql(`INSERT INTO scim_group (workspace_id, id, connection, display_name, display_key, external_id, version, created_at, updated_at) VALUES ($1, 'grp_1', 'okta', 'Finance', 'finance', '', 1, 1, 1)`, w.Workspace.ID)
		w.sql(`INSERT INTO scim_group_member (workspace_id, group_id, member_id, added_at) SELECT workspace_id, 'grp_1', id, 1 FROM member WHERE workspace_id = $1 AND key = $2`, w.Workspace.ID, nobody)
		w.Service.Groups = func(ctx context.Context, s *object.Scope, member string) ([]string, error) {
			var n int
			err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM scim_group_member WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, member).Scan(&n)
			return []string{"Finance"}[:n], err
		}
		w.assign("requester", "group:Finance")
		w.Create(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(roles("requester"), roles("approver"), "block"))
		_, err := w.TryCreate(t, w.Admin, api.RoleAssignmentKind, doc{"role": "approver", "principal": who})
		w.wantBreach(err, "/role", who, "assigned to group:Finance on /finance")
		w.Delete(t, w.Admin, api.RoleAssignmentKind, "requester@group:finance@/finance")
		w.assign("approver", who)
		_, err = w.TryCreate(t, w.Admin, api.RoleAssignmentKind, doc{"role": "requester", "principal": "group:Finance"})
		w.wantBreach(err, "/role", who)

		// And when a rule is made of what is there.
		w.Delete(t, w.Admin, api.SeparationOfDutiesRuleKind, "four-eyes")
		w.assign("requester", "group:Finance")
		_, err = w.TryCreate(t, w.Admin, api.SeparationOfDutiesRuleKind, separate(roles("requester"), roles("approver"), "block"))
		wantWords(t, objecttest.WantViolation(t, err, "/mode").Message, who)
	})
}
