package server_test

import (
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// Applications ask by either API what somebody outside may do; that is when a grant is
// used. What an administrator asks is not.
func TestSharesTellWhenApplicationsLetSomebodyIn(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		tree(t, i)
		want(t, i, 201, call{method: "PUT", path: in(i, "sharing_policy"), token: i.OwnerToken, body: doc{"external_sharing": "anyone"}})
		for _, who := range []string{"ann@client.example", "bob@client.example", "cid@client.example"} {
			want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": "/a", "principal": "email:" + who, "level": "view"}})
		}
		app := serviceToken(t, i, "player", "admin", "access.explain")
		check := func(token, who string) {
			t.Helper()
			want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: token, body: doc{"principal": "email:" + who, "resource": "/a/b", "permission": "asset.read"}})
		}
		check(app, "ann@client.example")
		want(t, i, 200, evaluation(app, doc{"subject": doc{"type": "email", "id": "bob@client.example"}, "resource": itemA, "action": read}))
		check(i.OwnerToken, "cid@client.example")
		if _, err := i.Service.FlushGrantUses(t.Context()); err != nil {
			t.Fatal(err)
		}
		used := map[string]bool{}
		for _, item := range want(t, i, 200, call{method: "GET", path: in(i, "shares"), token: i.OwnerToken}).object(t)["items"].([]any) {
			s := item.(map[string]any)
			if s["type"] != "grant" {
				continue
			}
			at, _ := s["last_access_at"].(string)
			if _, err := time.Parse(time.RFC3339, at); at != "" && err != nil {
				t.Errorf("last_access_at = %q", at)
			}
			used[s["principals"].([]any)[0].(string)] = at != ""
		}
		if !used["email:ann@client.example"] || !used["email:bob@client.example"] || used["email:cid@client.example"] || len(used) != 3 {
			t.Errorf("used = %v", used)
		}
	})
}
