package server_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestExistingSharesAreMeasuredPreviewedAndEnforced(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		put := func(path string, body doc) {
			t.Helper()
			if r := send(t, i, call{method: "PUT", path: in(i, path), token: i.OwnerToken, body: body}); r.status > 201 {
				t.Fatalf("%s: %d %s", path, r.status, r.body)
			}
		}
		put("sharing_policy", doc{"external_sharing": "anyone", "require_external_approval": false})
		put("folders/%2Ffinance", doc{"path": "/finance"})
		put("folders/%2Fboard", doc{"path": "/board"})
		for _, path := range []string{"/finance", "/board"} {
			want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": path, "principal": "email:ann@client.example", "level": "view"}})
		}
		preview := func(body doc) map[string]any {
			t.Helper()
			return want(t, i, 200, call{method: "POST", path: in(i, "policy_conformance/preview"), token: i.AdminToken, body: body}).object(t)
		}
		if got := preview(doc{}); got["count"] != 0.0 {
			t.Errorf("the policy that holds: %v", got)
		}
		if got := preview(doc{"sharing_policy": doc{"external_sharing": "disabled", "existing_shares": "enforce"}}); got["count"] != 2.0 || got["remedies"].(map[string]any)["revoke"] != 2.0 {
			t.Errorf("a stricter policy: %v", got)
		}
		got := preview(doc{"overrides": []doc{{"path": "/board", "external_sharing": "disabled"}}})
		items := got["items"].([]any)
		if got["count"] != 1.0 || items[0].(map[string]any)["resource"] != "/board" || items[0].(map[string]any)["existing_shares"] != "unaffected" {
			t.Errorf("an override: %v", got)
		}
		p := wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: in(i, "policy_conformance/preview"), token: i.AdminToken, body: doc{"sharing_policy": doc{"external_sharing": "sometimes"}}})
		if len(p.Errors) != 1 || p.Errors[0].Path != "/sharing_policy/external_sharing" {
			t.Errorf("violations = %v", p.Errors)
		}

		put("sharing_policy_overrides/%2Fboard", doc{"path": "/board", "external_sharing": "disabled"})
		list := want(t, i, 200, call{method: "GET", path: in(i, "policy_conformance?limit=1"), token: i.AdminToken}).object(t)
		if items := list["items"].([]any); len(items) != 1 || items[0].(map[string]any)["reasons"].([]any)[0].(map[string]any)["attribute"] != "external_sharing" || items[0].(map[string]any)["remedy"] != "revoke" {
			t.Errorf("list = %v", list)
		}
		wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "policy_conformance"), token: i.MemberToken})
		wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "policy_conformance?kind=team"), token: i.AdminToken})
		wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "policy_conformance?resource=board"), token: i.AdminToken})

		enforce := call{method: "POST", path: in(i, "sharing_policy/enforce"), token: i.AdminToken, body: doc{}}
		dry := enforce
		dry.path += "?dry_run=true"
		for _, c := range []call{dry, dry, enforce} {
			if got := want(t, i, 200, c).object(t); got["revoked"] != 1.0 || got["complete"] != true {
				t.Errorf("%s: %v", c.path, got)
			}
		}
		if got := want(t, i, 200, enforce).object(t); got["revoked"] != 0.0 {
			t.Errorf("again: %v", got)
		}
		want(t, i, 201, call{method: "POST", path: in(i, "share_links"), token: i.OwnerToken, body: doc{"resource": "/finance", "kind": "recipient", "name": "Quarter for Acme", "recipients": []string{"member@example.com"}}})
		stale := call{method: "POST", path: in(i, "share_links/revoke_stale"), token: i.AdminToken, body: doc{"unused_days": 1, "expired": true, "maker_gone": true}}
		if got := want(t, i, 200, stale).object(t); got["looked_at"] != 1.0 || got["revoked"] != 0.0 || got["complete"] != true {
			t.Errorf("stale links: %v", got)
		}
		wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: stale.path, token: i.AdminToken, body: doc{}})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: stale.path, token: i.MemberToken, body: stale.body})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: enforce.path, token: i.MemberToken, body: doc{}})
	})
}
