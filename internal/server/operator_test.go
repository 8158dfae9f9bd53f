package server_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// TestOperatorsMakeWorkspacesAndSeeNothingInside: an operator holds the deployment,
// not its tenants' data.
func TestOperatorsMakeWorkspacesAndSeeNothingInside(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		m := newMatrix(t, i)
		before := dump(t, i)
		for _, r := range m.routes {
			if r.permission == "operator" {
				continue
			}
			for _, c := range m.requests(t, r, false) {
				c.token = i.OperatorToken
				got := send(t, i, c)
				switch {
				case r.id == "get_workspace" || !r.inWorkspace() && r.readsOnly():
					if got.status != 200 {
						t.Errorf("%s: status %d: %s", r, got.status, got.body)
					}
				case r.id == "batch_read":
					for _, e := range got.object(t)["objects"].([]any) {
						if e.(doc)["object"] != nil {
							t.Errorf("the operator reads %v", e)
						}
					}
				case got.status != 403:
					t.Errorf("%s: status %d, want 403: %s", r, got.status, got.body)
				default:
					m.quiet(t, c, got)
				}
			}
		}
		if after := dump(t, i); len(after["object"]) != len(before["object"]) || len(after["audit_event"]) != len(before["audit_event"]) {
			t.Error("the operator changed something inside a workspace")
		}

		// They make workspaces, and find what they made.
		spec := doc{"slug": "initech", "name": "Initech", "owner": "Peter@example.com", "owner_name": "Peter"}
		wantProblem(t, i, api.CodeNotFound, call{method: "PUT", path: "/v1/workspaces/initech", token: i.OperatorToken, body: doc{"slug": "initech", "name": "Initech"}})
		wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: "/v1/workspaces?dry_run=true", token: i.OperatorToken, body: spec})
		for _, token := range []string{m.a.OwnerToken, serviceToken(t, i, "maker", "admin", "*")} {
			wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: "/v1/workspaces", token: token, body: spec})
		}
		made := want(t, i, 201, call{method: "POST", path: "/v1/workspaces", token: i.OperatorToken, body: spec}).object(t)
		wantProblem(t, i, api.CodeConflict, call{method: "POST", path: "/v1/workspaces", token: i.OperatorToken, body: spec})
		p := wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: "/v1/workspaces", token: i.OperatorToken, body: doc{"slug": "Not A Slug", "name": "", "owner": "nobody"}})
		if len(p.Errors) != 3 {
			t.Errorf("violations are %v", p.Errors)
		}
		got := want(t, i, 200, call{method: "GET", path: "/v1/workspaces/initech", token: i.OperatorToken}).object(t)
		if got["id"] != made["id"] || got["name"] != "Initech" {
			t.Errorf("made %v, found %v", made, got)
		}
		list := want(t, i, 200, call{method: "GET", path: "/v1/workspaces", token: i.OperatorToken}).object(t)["items"].([]any)
		if len(list) != 3 {
			t.Errorf("the operator sees %d workspaces, want 3", len(list))
		}
		own := want(t, i, 200, call{method: "GET", path: "/v1/workspaces", token: m.a.MemberToken}).object(t)["items"].([]any)
		if len(own) != 1 || own[0].(doc)["slug"] != "acme" {
			t.Errorf("a member sees %v", own)
		}
		who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.OperatorToken}).object(t)
		if who["principal"] != "operator:root" || who["workspace"] != nil {
			t.Errorf("whoami says %v", who)
		}
	})
}

func TestOwnershipMovesWhenItIsAccepted(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		accept := func(token string) call {
			return call{method: "POST", path: in(i, "workspace_owner/accept"), token: token}
		}
		wantProblem(t, i, api.CodeForbidden, accept(i.AdminToken)) // nothing was offered
		wantProblem(t, i, api.CodeForbidden, call{method: "PUT", path: in(i, "workspace_owner"), token: i.AdminToken, body: doc{"principal": "admin@example.com"}})
		offer := want(t, i, 201, call{method: "PUT", path: in(i, "workspace_owner"), token: i.OwnerToken, body: doc{"principal": "admin@example.com"}}).object(t)
		if offer["pending_principal"] != "admin@example.com" || offer["current_owner"] != "owner@example.com" {
			t.Errorf("the offer is %v", offer)
		}
		for _, token := range []string{i.MemberToken, i.OwnerToken, serviceToken(t, i, "ci", "admin", "*")} {
			wantProblem(t, i, api.CodeForbidden, accept(token))
		}
		wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: in(i, "workspace_owner/accept?dry_run=true"), token: i.AdminToken})
		taken := want(t, i, 200, accept(i.AdminToken)).object(t)
		if taken["current_owner"] != "admin@example.com" || taken["pending_principal"] != nil {
			t.Errorf("after the acceptance: %v", taken)
		}
		for token, role := range map[string]string{i.AdminToken: "owner", i.OwnerToken: "admin"} {
			if who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: token}).object(t); who["workspace_role"] != role {
				t.Errorf("whoami says %v, want role %s", who, role)
			}
		}
		wantProblem(t, i, api.CodeForbidden, call{method: "PUT", path: in(i, "workspace_owner"), token: i.OwnerToken, body: doc{"principal": "owner@example.com"}})
		wantProblem(t, i, api.CodeForbidden, accept(i.AdminToken))
	})
}

// TestStacksDoNotFight: what one stack owns, another cannot write, destroy or claim;
// what nobody owns can be claimed.
func TestStacksDoNotFight(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		stack := func(name string) map[string]string { return map[string]string{"Gatehouse-Stack": name} }
		byHand := want(t, i, 201, call{method: "PUT", path: in(i, "teams/hand"), token: i.AdminToken, body: doc{"slug": "hand", "name": "Hand"}}).object(t)
		byOne := want(t, i, 201, call{method: "PUT", path: in(i, "teams/one"), token: i.AdminToken, body: doc{"slug": "one", "name": "One"}, header: stack("one")}).object(t)
		wantProblem(t, i, api.CodeOwnedByOtherStack, call{method: "DELETE", path: in(i, "teams/one"), token: i.AdminToken, header: stack("two")})
		objects := []doc{{"kind": "team", "id": byHand["id"]}, {"kind": "team", "id": byOne["id"]}, {"kind": "team", "id": "team_00000000000000000000000000"}, {"kind": "nonsense", "id": "x"}}
		claim := func(path string) doc {
			return want(t, i, 200, call{method: "POST", path: in(i, path), token: i.AdminToken, body: doc{"stack": "two", "objects": objects, "change_context": doc{"commit": "4f2a9c1"}}}).object(t)
		}
		for _, path := range []string{"ownership/claim?dry_run=true", "ownership/claim"} {
			got := claim(path)
			if got["claimed"] != float64(1) || len(got["refused"].([]any)) != 3 {
				t.Errorf("%s answers %v", path, got)
			}
		}
		if again := claim("ownership/claim"); again["claimed"] != float64(0) {
			t.Errorf("claiming again answers %v", again)
		}
		managed := want(t, i, 200, call{method: "GET", path: in(i, "teams/hand"), token: i.AdminToken}).object(t)["managed_by"].(doc)
		if managed["kind"] != "terraform" || managed["stack"] != "two" || managed["change_context"].(doc)["commit"] != "4f2a9c1" {
			t.Errorf("the claimed team is managed by %v", managed)
		}
		wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: in(i, "ownership/claim"), token: i.AdminToken, body: doc{"stack": "caf\u00e9", "objects": objects}})
		wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: in(i, "ownership/claim"), token: i.AdminToken, body: doc{"objects": objects}})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: in(i, "ownership/claim"), token: i.MemberToken, body: doc{"stack": "two", "objects": objects}})

		// Singletons that somebody set are not adopted in silence.
		want(t, i, 201, call{method: "PUT", path: in(i, "retention_policy"), token: i.AdminToken, body: doc{"trash_days": 7}})
		adopt := call{method: "PUT", path: in(i, "retention_policy"), token: i.AdminToken, body: doc{"trash_days": 9}, header: stack("one")}
		p := wantProblem(t, i, api.CodeNeedsAdoption, adopt)
		if len(p.Errors) != 1 || p.Errors[0].Path != "/trash_days" {
			t.Errorf("the problem names %v", p.Errors)
		}
		adopt.header = map[string]string{"Gatehouse-Stack": "one", "Gatehouse-Adopt": "true"}
		want(t, i, 200, adopt)
	})
}

func TestBatchesAreBounded(t *testing.T) {
	i := servertest.Start(t)
	refs := make([]doc, api.MaxPageSize+1)
	for n := range refs {
		refs[n] = doc{"kind": "team", "ref": "none"}
	}
	wantProblem(t, i, api.CodeTooLarge, call{method: "POST", path: in(i, "batch_read"), token: i.OwnerToken, body: doc{"objects": refs}})
	got := want(t, i, 200, call{method: "POST", path: in(i, "batch_read"), token: i.OwnerToken, body: doc{"objects": refs[:api.MaxPageSize]}}).object(t)
	if n := len(got["objects"].([]any)); n != api.MaxPageSize {
		t.Errorf("%d answers", n)
	}
	want(t, i, 200, call{method: "POST", path: in(i, "batch_read"), token: i.OwnerToken, body: doc{}})
	wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: in(i, "batch_read"), token: i.OwnerToken, body: doc{"objects": []doc{{"kind": "nonsense", "ref": "x"}}}})
}
