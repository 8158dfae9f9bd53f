package server_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// linked makes a link that anyone can open, and a visit through it.
func linked(t *testing.T, i *servertest.Instance) (id, session string) {
	t.Helper()
	tree(t, i)
	want(t, i, 201, call{method: "PUT", path: in(i, "sharing_policy"), token: i.OwnerToken, body: doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false}})
	id = want(t, i, 201, call{method: "POST", path: in(i, "share_links"), token: i.OwnerToken, body: doc{"resource": "/a", "name": "For the press", "kind": "anyone"}}).object(t)["id"].(string)
	secret := want(t, i, 200, call{method: "POST", path: in(i, "share_links/"+id+"/secrets"), token: i.OwnerToken, body: doc{}}).object(t)
	token := secret["secret"].(string)
	if secret["url"] != i.URL+"/s/"+token {
		t.Errorf("the URL is %v, want it below %s", secret["url"], i.URL)
	}
	session, _, err := sharing.EnterLink(context.Background(), i.Service, token, sharing.Visitor{IP: "192.0.2.1", Device: "d"}, sharing.Answer{})
	if err != nil || session == "" {
		t.Fatalf("entering: %v", err)
	}
	return id, session
}

// An application that holds the media asks who came by a link, and what they may do.
func TestApplicationsAskAboutLinkVisitors(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		id, session := linked(t, i)
		app := serviceToken(t, i, "player", "admin", "share_visit.read", "access.explain")
		about := func(body doc) doc {
			t.Helper()
			return want(t, i, 200, call{method: "POST", path: in(i, "share_visits/introspect"), token: app, body: body}).object(t)
		}
		got := about(doc{"session": session})
		viewer, _ := got["viewer"].(string)
		if got["active"] != true || got["link"] != id || got["resource"] != "/a" || got["level"] != "view" || !strings.HasPrefix(viewer, "viewer:device-") || got["expires_at"] == nil {
			t.Errorf("introspection = %v", got)
		}
		if can, _ := got["permissions"].([]any); !slices.Contains(can, any("asset.read")) || slices.Contains(can, any("comment.create")) || slices.Contains(can, any("asset.download")) {
			t.Errorf("permissions = %v", got["permissions"])
		}
		if below := about(doc{"session": session, "resource": "/a/b"}); below["level"] != "view" {
			t.Errorf("below the link: %v", below)
		}
		// The ordinary questions take the session as a circumstance.
		ask := doc{"principal": viewer, "resource": "/a/b", "permission": "asset.read"}
		for _, c := range []struct {
			session string
			want    bool
		}{{"", false}, {session, true}, {session + "x", false}} {
			ask["context"] = doc{"session": c.session}
			if d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: app, body: ask}).object(t); d["allowed"] != c.want {
				t.Errorf("check with session %q: %v", c.session, d)
			}
			d := want(t, i, 200, evaluation(app, doc{"subject": doc{"type": "viewer", "id": strings.TrimPrefix(viewer, "viewer:")}, "resource": itemA, "action": read, "context": doc{"session": c.session}})).object(t)
			if d["decision"] != c.want {
				t.Errorf("evaluation with session %q: %v", c.session, d)
			}
		}
		ask["principal"], ask["context"] = "viewer:device-somebody-else", doc{"session": session}
		if d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: app, body: ask}).object(t); d["allowed"] != false {
			t.Errorf("check of another viewer with the session: %v", d)
		}
		// Nothing of it outlives the link.
		want(t, i, 204, call{method: "DELETE", path: in(i, "share_links/"+id), token: i.OwnerToken})
		if diff := cmp.Diff(doc{"active": false}, about(doc{"session": session})); diff != "" {
			t.Errorf("after the link was revoked (-want +got):\n%s", diff)
		}
		ask["principal"] = viewer
		if d := want(t, i, 200, call{method: "POST", path: in(i, "access/check"), token: app, body: ask}).object(t); d["allowed"] != false {
			t.Errorf("check after the link was revoked: %v", d)
		}
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: in(i, "share_visits/introspect"), token: i.MemberToken, body: doc{"session": session}})
	})
}

func TestSharesAndActivityAreServedInPages(t *testing.T) {
	i := servertest.Start(t)
	id, session := linked(t, i)
	if _, err := sharing.Visit(context.Background(), i.Service, session, sharing.Visitor{IP: "192.0.2.1", Device: "d"}); err != nil {
		t.Fatal(err)
	}
	want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": "/a", "principal": "email:x@outside.example", "level": "view"}})
	var keys []string
	for path := in(i, "shares?limit=1"); path != ""; {
		page := want(t, i, 200, call{method: "GET", path: path, token: i.OwnerToken}).object(t)
		for _, s := range page["items"].([]any) {
			keys = append(keys, s.(doc)["key"].(string))
		}
		path = ""
		if next, _ := page["next_cursor"].(string); next != "" {
			path = in(i, "shares?limit=1&cursor="+next)
		}
	}
	if want := []string{"/a#for-the-press", "email:x@outside.example@/a"}; !slices.Equal(keys, want) {
		t.Errorf("shares = %q, want %q", keys, want)
	}
	got := want(t, i, 200, call{method: "GET", path: in(i, "share_links/"+escape("/a#for-the-press")+"/activity"), token: i.OwnerToken}).object(t)
	if got["link"] != id || got["view_count"] != 1.0 || len(got["items"].([]any)) != 1 {
		t.Errorf("activity = %v", got)
	}
	for _, query := range []string{"shares?cursor=nonsense", "shares?principal=nobody", "shares?resource=a", "shares?limit=-1", "share_links/" + id + "/activity?cursor=eA"} {
		wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, query), token: i.OwnerToken})
	}
	wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "shares?color=red"), token: i.OwnerToken})
}
