package server_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// connection is an SSO connection with a secret, and something wrong with it.
func connection(change func(d, oidc doc)) doc {
	oidc := doc{"issuer": "https://idp.example.com", "client_id": "gatehouse", "client_secret_wo": theSecret}
	d := doc{"name": "okta", "protocol": "oidc", "oidc": oidc}
	change(d, oidc)
	return d
}

func TestSecretsAreNeverAnswered(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		bodies := map[string]any{
			"good":                        connection(func(_, _ doc) {}),
			"of the wrong type":           connection(func(_, o doc) { o["client_secret_wo"] = []string{theSecret} }),
			"as an object":                connection(func(_, o doc) { o["client_secret_wo"] = doc{"value": theSecret} }),
			"too long":                    connection(func(_, o doc) { o["client_secret_wo"] = strings.Repeat(theSecret, 100) }),
			"beside a bad issuer":         connection(func(_, o doc) { o["issuer"] = "http://idp.example.com" }),
			"beside an unknown attribute": connection(func(d, _ doc) { d["colour"] = "red" }),
			"under a misspelt name":       connection(func(_, o doc) { o["client_secret"] = theSecret }),
			"at the wrong place":          connection(func(d, _ doc) { d["client_secret_wo"] = theSecret }),
			"with the wrong protocol":     connection(func(d, _ doc) { d["protocol"] = "saml" }),
			"in broken JSON":              `{"name":"okta","protocol":"oidc","oidc":{"client_secret_wo":"` + theSecret + `"`,
			"in JSON after JSON":          `{} "` + theSecret + `"`,
			"as the body":                 `"` + theSecret + `"`,
			"in bytes":                    theSecret,
		}
		for name, body := range bodies {
			t.Run(name, func(t *testing.T) {
				for _, c := range []call{
					{method: "POST", path: in(i, "sso_connections") + "?dry_run=true"},
					{method: "PUT", path: in(i, "sso_connections/okta") + "?dry_run=true"},
					{method: "PUT", path: in(i, "sso_connections/another")},
					{method: "PUT", path: in(i, "sso_connections/okta"), header: map[string]string{"If-Match": `"9"`}},
					{method: "PUT", path: in(i, "login_policy")},
					{method: "POST", path: in(i, "access/check")},
					{method: "POST", path: in(i, "batch_read")},
				} {
					for _, token := range []string{i.OwnerToken, i.MemberToken, ""} {
						c.token, c.body = token, body
						if r := send(t, i, c); strings.Contains(r.String(), theSecret) || r.status >= 500 {
							t.Errorf("%s %s: status %d: %s", c.method, c.path, r.status, r.body)
						}
					}
				}
			})
		}
		// It is kept sealed, and is in no answer, event or row.
		want(t, i, 201, call{method: "PUT", path: in(i, "sso_connections/okta"), token: i.OwnerToken, body: bodies["good"]})
		for _, path := range []string{"sso_connections", "sso_connections/okta", "audit_events"} {
			if r := want(t, i, 200, call{method: "GET", path: in(i, path), token: i.OwnerToken}); strings.Contains(r.String(), theSecret) || strings.Contains(r.String(), "client_secret_wo\"") {
				t.Errorf("%s: %s", path, r.body)
			}
		}
		sealed := false
		for table, rows := range dump(t, i) {
			for _, row := range rows {
				if strings.Contains(row, theSecret) {
					t.Errorf("table %s holds the secret: %s", table, row)
				}
				sealed = sealed || table == "sealed_secret" && strings.Contains(row, "client_secret_wo")
			}
		}
		if !sealed {
			t.Error("the secret was not kept at all")
		}
	})
}

// TestTokensAreShownOnceAndStoredAsHashes: neither tables nor answers hold them.
func TestTokensAreShownOnceAndStoredAsHashes(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		secret := serviceToken(t, i, "ci", "member", "team.read")
		want(t, i, 201, call{method: "POST", path: in(i, "scim_tokens"), token: i.OwnerToken, body: doc{"connection_name": "okta", "name": "main"}})
		rotate := func(n int) string {
			return want(t, i, 200, call{method: "POST", path: in(i, "scim_tokens/okta%2Fmain/secrets"), token: i.OwnerToken, body: doc{"rotation": n}}).object(t)["secret"].(string)
		}
		first, same, second := rotate(1), rotate(1), rotate(2)
		if first != same || first == second {
			t.Errorf("rotation 1 gives %q and %q, rotation 2 %q", first, same, second)
		}
		wantProblem(t, i, api.CodeConflict, call{method: "POST", path: in(i, "scim_tokens/okta%2Fmain/secrets"), token: i.OwnerToken, body: doc{"rotation": 1}})
		for table, rows := range dump(t, i) {
			for _, row := range rows {
				for _, s := range []string{secret, first, second, i.OwnerToken} {
					if strings.Contains(row, s) {
						t.Errorf("table %s holds a token: %s", table, row)
					}
				}
			}
		}
		for _, path := range []string{"api_tokens", "scim_tokens", "audit_events"} {
			body := want(t, i, 200, call{method: "GET", path: in(i, path), token: i.OwnerToken}).String()
			if strings.Contains(body, secret) || strings.Contains(body, first) || strings.Contains(body, second) {
				t.Errorf("%s answers with a token", path)
			}
		}
		// A new secret ends the one before, on its next request.
		want(t, i, 200, call{method: "GET", path: in(i, "teams"), token: secret})
		next := want(t, i, 200, call{method: "POST", path: in(i, "api_tokens/ci/secrets"), token: i.OwnerToken, body: doc{}}).object(t)["secret"].(string)
		wantProblem(t, i, api.CodeUnauthenticated, call{method: "GET", path: in(i, "teams"), token: secret})
		want(t, i, 200, call{method: "GET", path: in(i, "teams"), token: next})
		want(t, i, 204, call{method: "DELETE", path: in(i, "api_tokens/ci"), token: i.OwnerToken})
		wantProblem(t, i, api.CodeUnauthenticated, call{method: "GET", path: in(i, "teams"), token: next})
		for _, path := range []string{"api_tokens/none/secrets", "scim_tokens/none/secrets"} {
			wantProblem(t, i, api.CodeNotFound, call{method: "POST", path: in(i, path), token: i.OwnerToken, body: doc{}})
		}
	})
}
