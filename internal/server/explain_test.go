package server_test

import (
	"slices"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestWhoAmISaysWhatTheTokenMay(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		guest := addGuest(t, i, "guest@example.com")
		for role, token := range map[vocabulary.Role]string{vocabulary.RoleOwner: i.OwnerToken, vocabulary.RoleAdmin: i.AdminToken, vocabulary.RoleMember: i.MemberToken, vocabulary.RoleGuest: guest} {
			who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: token}).object(t)
			if who["workspace"] != i.Workspace || who["workspace_id"] != i.WorkspaceID || who["workspace_role"] != string(role) || who["read_only"] != false {
				t.Errorf("%s: whoami says %v", role, who)
			}
			if id, _ := who["principal_id"].(string); !api.MemberKind.IsID(id) {
				t.Errorf("%s: the id is %q", role, id)
			}
			got := texts(who["permissions"])
			if want := vocabulary.PermissionsOfRole(role); !slices.Equal(got, want) {
				t.Errorf("%s: permissions are %v, want %v", role, got, want)
			}
			// What whoami promises, check agrees with.
			for _, p := range vocabulary.Permissions() {
				if p.Scope != vocabulary.ScopeWorkspace {
					continue
				}
				d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: doc{"principal": who["principal"], "permission": p.Name}}).object(t)
				if d["allowed"] != slices.Contains(got, p.Name) || len(d["reasons"].([]any)) == 0 {
					t.Errorf("%s: check of %s says %v; whoami lists it: %v", role, p.Name, d, slices.Contains(got, p.Name))
				}
			}
		}
		reader := serviceToken(t, i, "reader", "admin", "read_only")
		who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: reader}).object(t)
		if who["read_only"] != true || slices.Contains(texts(who["permissions"]), "team.write") || !slices.Contains(texts(who["permissions"]), "team.read") {
			t.Errorf("whoami of a read-only token says %v", who)
		}
	})
}

func TestCheckAndEffectiveAgree(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		fill(t, i)
		zoe := "member:acme-zoe@acme.example.com"
		for _, principal := range []string{"member:owner@example.com", "member:member@example.com", zoe, "team:acme-ops", "service_account:acme-ci", "group:Nobody", "email:who@example.com", "member:none@example.com", "operator:root"} {
			for _, path := range []string{"/", "/acme-campaigns", "/acme-campaigns/acme-autumn", "/nothing/here"} {
				e := want(t, i, 200, call{method: "GET", path: in(i, "access/effective") + "?principal=" + escape(principal) + "&resource=" + escape(path), token: i.OwnerToken}).object(t)
				may := texts(e["permissions"])
				for _, p := range vocabulary.Permissions() {
					if p.Scope != vocabulary.ScopeItem {
						continue
					}
					d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: doc{"principal": principal, "resource": path, "permission": p.Name}}).object(t)
					if d["allowed"] != slices.Contains(may, p.Name) || d["level"] != e["level"] {
						t.Errorf("%s on %s: check of %s says %v at %v; effective says %v at %v", principal, path, p.Name, d["allowed"], d["level"], slices.Contains(may, p.Name), e["level"])
					}
				}
			}
		}
		e := want(t, i, 200, call{method: "GET", path: in(i, "access/effective") + "?principal=" + zoe + "&resource=/acme-campaigns/acme-autumn", token: i.OwnerToken}).object(t)
		if e["level"] != "edit" || !slices.Contains(texts(e["permissions"]), "asset.update") || len(e["reasons"].([]any)) == 0 {
			t.Errorf("an editor of the owning team has %v", e)
		}
	})
}

func TestPeopleMayAskAboutThemselvesOnly(t *testing.T) {
	i := servertest.Start(t)
	ask := func(principal string) call {
		return call{method: "POST", path: in(i, "access/check"), token: i.MemberToken, body: doc{"principal": principal, "permission": "team.read"}}
	}
	want(t, i, 200, ask("member:member@example.com"))
	for _, other := range []string{"member:owner@example.com", "member:none@example.com", "group:Finance", "member:member@example.com.", "MEMBER:member@example.com", ""} {
		wantProblem(t, i, api.CodeForbidden, ask(other))
	}
}

func TestCheckRefusesWhatItCannotKnow(t *testing.T) {
	i := servertest.Start(t)
	for _, c := range []struct {
		body doc
		code api.Code
	}{
		{doc{"principal": "member:owner@example.com", "permission": "team.reed"}, api.CodeInvalid},
		{doc{"principal": "member:owner@example.com", "permission": ""}, api.CodeInvalid},
		{doc{"principal": "member:owner@example.com"}, api.CodeInvalid},
		{doc{"principal": "owner@example.com", "permission": "team.read"}, api.CodeMalformed},
		{doc{"permission": "team.read"}, api.CodeMalformed},
		{doc{"principal": "member:owner@example.com", "permission": "asset.read", "resource": "no-path"}, api.CodeMalformed},
		{doc{"principal": "member:owner@example.com", "permission": "asset.read", "resource": "/a", "context": doc{"ip": "here"}}, api.CodeInvalid},
		{doc{"principal": "member:owner@example.com", "permission": "asset.read", "resource": "/a", "context": doc{"colour": "red"}}, api.CodeMalformed},
		{doc{"principal": "member:owner@example.com", "permission": "asset.read", "resource": "/a", "context": doc{"time": "noon"}}, api.CodeMalformed},
	} {
		wantProblem(t, i, c.code, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: c.body})
	}
	p := wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: doc{"principal": "member:owner@example.com", "permission": "team.reed"}})
	if p.Errors[0].Message != `there is no permission "team.reed"; did you mean "team.read"?` {
		t.Errorf("the proposal is %q", p.Errors[0].Message)
	}
	// Circumstances count.
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}})
	want(t, i, 201, call{method: "PUT", path: in(i, "projects/%2Fa"), token: i.OwnerToken, body: doc{"path": "/a", "name": "A", "team": "a"}})
	want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": "/a", "principal": "member:member@example.com", "level": "view", "condition": `context.mfa_age >= 0 && context.mfa_age < 600`}})
	for age, allowed := range map[int]bool{60: true, 6000: false} {
		d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: doc{"principal": "member:member@example.com", "permission": "asset.read", "resource": "/a", "context": doc{"mfa_age_seconds": age}}}).object(t)
		if d["allowed"] != allowed {
			t.Errorf("with a second factor %d s ago the decision is %v", age, d)
		}
	}
}

func texts(v any) []string {
	out := []string{}
	list, _ := v.([]any)
	for _, e := range list {
		out = append(out, e.(string))
	}
	return out
}
