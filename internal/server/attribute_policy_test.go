package server_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// C028: what a policy would do is asked for before it does it.
func TestCheckTellsWhatAReportOnlyPolicyWouldDo(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		rule := doc{"name": "office", "effect": "deny", "permissions": []string{"member.read"}, "condition": "!context.device_known", "mode": "report_only"}
		want(t, i, 201, call{method: "POST", path: in(i, api.AttributePolicyKind.Plural), token: i.AdminToken, body: rule})
		check := func(known bool) map[string]any {
			t.Helper()
			return want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken,
				body: doc{"principal": "member:member@example.com", "permission": "member.read", "context": doc{"device_known": known}}}).object(t)
		}
		d := check(false)
		reports, _ := d["reports"].([]any)
		if d["allowed"] != true || len(reports) != 1 {
			t.Fatalf("decision = %v, want it allowed with one report", d)
		}
		r := reports[0].(map[string]any)
		if r["policy"] != "policy/office/workspace" || r["effect"] != "deny" || r["changes"] != true {
			t.Errorf("report = %v", r)
		}
		if d := check(true); d["allowed"] != true || d["reports"] != nil {
			t.Errorf("where the condition does not hold: %v", d)
		}
		// Enforced, it decides the very next request through every door.
		want(t, i, 200, call{method: "GET", path: in(i, "members"), token: i.MemberToken})
		rule["mode"], rule["condition"] = "enforce", `!context.device_known && principal.workspace_role == "member"`
		want(t, i, 200, call{method: "PUT", path: in(i, api.AttributePolicyKind.Plural+"/office"), token: i.AdminToken, body: rule})
		if d := check(false); d["allowed"] != false {
			t.Errorf("decision = %v, want a denial", d)
		}
		wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "members"), token: i.MemberToken})
	})
}
