package server_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestSuspendedMemberIsDeniedOnNextRequest(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		for name, suspend := range map[string]func(email string){
			"by destroying the member": func(email string) {
				want(t, i, 204, call{method: "DELETE", path: in(i, "members/"+escape(email)), token: i.OwnerToken})
			},
			"by active = false": func(email string) {
				want(t, i, 200, call{method: "PUT", path: in(i, "members/"+escape(email)), token: i.OwnerToken, body: doc{"email": email, "active": false}})
			},
		} {
			email := fmt.Sprintf("leaver%d@example.com", len(name))
			want(t, i, 201, call{method: "POST", path: in(i, "members"), token: i.OwnerToken, body: doc{"email": email, "workspace_role": "admin"}})
			token := i.Token(email)
			want(t, i, 200, call{method: "GET", path: in(i, "audit_events"), token: token})
			suspend(email)
			for range 3 {
				wantProblem(t, i, api.CodeUnauthenticated, call{method: "GET", path: in(i, "teams"), token: token})
			}
			d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: doc{"principal": "member:" + email, "permission": "team.read"}}).object(t)
			if d["allowed"] != false {
				t.Errorf("%s: the decision is %v", name, d)
			}
			// Coming back does not bring the tokens back.
			want(t, i, 200, call{method: "PUT", path: in(i, "members/"+escape(email)), token: i.OwnerToken, body: doc{"email": email, "active": true}})
			wantProblem(t, i, api.CodeUnauthenticated, call{method: "GET", path: in(i, "teams"), token: token})
		}
	})
}

// TestChangesOfAccessCountOnNextRequest: role, scope of a token, network, expiry.
func TestChangesOfAccessCountOnNextRequest(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		read := call{method: "GET", path: in(i, "audit_events"), token: i.AdminToken}
		want(t, i, 200, read)
		want(t, i, 200, call{method: "PUT", path: in(i, "members/admin@example.com"), token: i.OwnerToken, body: doc{"email": "admin@example.com", "workspace_role": "member"}})
		wantProblem(t, i, api.CodeForbidden, read)
		want(t, i, 200, call{method: "PUT", path: in(i, "members/admin@example.com"), token: i.OwnerToken, body: doc{"email": "admin@example.com", "workspace_role": "admin"}})
		want(t, i, 200, read)

		machine := serviceToken(t, i, "ci", "admin", "team.read", "member.*")
		token := func(d doc) {
			d["name"], d["service_account"] = "ci", "ci"
			want(t, i, 200, call{method: "PUT", path: in(i, "api_tokens/ci"), token: i.OwnerToken, body: d})
		}
		teams := call{method: "GET", path: in(i, "teams"), token: machine}
		want(t, i, 200, teams)
		wantProblem(t, i, api.CodeForbidden, call{method: "PUT", path: in(i, "teams/a"), token: machine, body: doc{"slug": "a", "name": "A"}})
		wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "audit_events"), token: machine})
		token(doc{"scopes": []string{"member.*"}})
		wantProblem(t, i, api.CodeForbidden, teams)
		token(doc{"scopes": []string{"team.*"}})
		want(t, i, 200, teams)
		token(doc{"scopes": []string{"team.*"}, "allowed_cidrs": []string{"198.51.100.0/24"}})
		wantProblem(t, i, api.CodeUnauthenticated, teams)
		teams.from = "198.51.100.9"
		want(t, i, 200, teams)
		teams.from = ""
		token(doc{"scopes": []string{"team.*"}, "expires_at": time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339Nano)})
		want(t, i, 200, teams)
		time.Sleep(2 * time.Second)
		wantProblem(t, i, api.CodeUnauthenticated, teams)

		// Suspending the account ends its tokens; nobody else's.
		other := serviceToken(t, i, "other", "admin", "*")
		want(t, i, 200, call{method: "GET", path: in(i, "teams"), token: other})
		want(t, i, 204, call{method: "DELETE", path: in(i, "service_accounts/other"), token: i.OwnerToken})
		wantProblem(t, i, api.CodeUnauthenticated, call{method: "GET", path: in(i, "teams"), token: other})
		want(t, i, 200, call{method: "GET", path: in(i, "teams"), token: i.OwnerToken})
	})
}

// TestATokenIsNoWayUp: a token can do at most what its account may, and an account of
// the role member no administration.
func TestATokenIsNoWayUp(t *testing.T) {
	i := servertest.Start(t)
	token := serviceToken(t, i, "ci", "member", "*")
	who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: token}).object(t)
	if who["principal"] != "service_account:ci" || who["workspace_role"] != "member" || who["principal_id"] == nil {
		t.Errorf("whoami says %v", who)
	}
	for _, c := range []call{
		{method: "PUT", path: in(i, "members/ci@example.com"), body: doc{"email": "ci@example.com", "workspace_role": "admin"}},
		{method: "PUT", path: in(i, "service_accounts/ci"), body: doc{"name": "ci", "owner": "owner@example.com", "workspace_role": "admin"}},
		{method: "PUT", path: in(i, "api_tokens/ci"), body: doc{"name": "ci", "service_account": "ci", "scopes": []string{"*"}}},
		{method: "POST", path: in(i, "api_tokens/ci/secrets"), body: doc{}},
		{method: "GET", path: in(i, "audit_events")},
	} {
		c.token = token
		wantProblem(t, i, api.CodeForbidden, c)
	}
}
