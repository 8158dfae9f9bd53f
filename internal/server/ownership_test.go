package server_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func under(stack string, more ...string) map[string]string {
	h := map[string]string{"Gatehouse-Stack": stack}
	for i := 0; i+1 < len(more); i += 2 {
		h[more[i]] = more[i+1]
	}
	return h
}

// TestReleasedObjectsMoveBetweenStacks is the way from one configuration to another.
func TestReleasedObjectsMoveBetweenStacks(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		put := func(path, stack string, body doc, more ...string) call {
			return call{method: "PUT", path: in(i, path), token: i.AdminToken, body: body, header: under(stack, more...)}
		}
		team, policy := doc{"slug": "design", "name": "Design"}, doc{"trash_days": 9}
		made := want(t, i, 201, put("teams/design", "a", team)).object(t)
		set := want(t, i, 201, put("retention_policy", "a", policy)).object(t)
		for _, c := range []call{put("teams/design", "b", team, "Gatehouse-Adopt", "true"), put("retention_policy", "b", policy, "Gatehouse-Adopt", "true")} {
			wantProblem(t, i, api.CodeOwnedByOtherStack, c)
		}
		objects := []doc{{"kind": "team", "id": made["id"]}, {"kind": "retention_policy", "id": set["id"]}}
		release := call{method: "POST", path: in(i, "ownership/release"), token: i.AdminToken, body: doc{"stack": "a", "objects": objects}}
		dry := release
		dry.path += "?dry_run=true"
		notTheirs := release
		notTheirs.body = doc{"stack": "b", "objects": objects}
		if got := want(t, i, 200, notTheirs).object(t); got["released"] != float64(0) || len(got["refused"].([]any)) != 2 {
			t.Errorf("another stack releases: %v", got)
		}
		for _, c := range []call{dry, release} {
			if got := want(t, i, 200, c).object(t); got["released"] != float64(2) || len(got["refused"].([]any)) != 0 {
				t.Errorf("%s answers %v", c.path, got)
			}
		}
		wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: release.path, token: i.AdminToken, body: doc{"objects": objects}})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: release.path, token: i.MemberToken, body: release.body})

		// By adoption or by the version that was read; never unseen.
		post := call{method: "POST", path: in(i, "teams"), token: i.AdminToken, body: team, header: under("b")}
		wantProblem(t, i, api.CodeConflict, post)
		post.header = under("b", "Gatehouse-Adopt", "true")
		if got := want(t, i, 200, post).object(t); got["id"] != made["id"] || got["managed_by"].(doc)["stack"] != "b" {
			t.Errorf("adopted: %v", got)
		}
		policy["trash_days"] = 12
		wantProblem(t, i, api.CodeNeedsAdoption, put("retention_policy", "b", policy))
		live := want(t, i, 200, call{method: "GET", path: in(i, "retention_policy"), token: i.AdminToken}).object(t)
		if got := want(t, i, 200, put("retention_policy", "b", policy, "If-Match", `"`+live["etag"].(string)+`"`)).object(t); got["managed_by"].(doc)["stack"] != "b" {
			t.Errorf("taken over: %v", got["managed_by"])
		}
		wantProblem(t, i, api.CodeOwnedByOtherStack, put("teams/design", "a", team))
	})
}

func TestAuditEventsCarryWhoActedByID(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		machine := serviceToken(t, i, "ci", "admin", "*")
		for name, token := range map[string]string{"by-admin": i.AdminToken, "by-owner": i.OwnerToken, "by-machine": machine} {
			who := want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: token}).object(t)
			want(t, i, 201, call{method: "POST", path: in(i, "teams"), token: token, body: doc{"slug": name, "name": name}})
			events := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?target=" + name, token: i.OwnerToken}).object(t)["items"].([]any)
			if len(events) != 1 {
				t.Fatalf("%d events of %s", len(events), name)
			}
			actor := events[0].(doc)["actor"].(doc)
			if id, _ := who["principal_id"].(string); id == "" || actor["id"] != id {
				t.Errorf("%s: the actor is %v; whoami says %v", name, actor, who["principal_id"])
			}
		}
	})
}

func TestExportsAreNoted(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		export := call{method: "POST", path: in(i, "exports")}
		for _, token := range []string{i.MemberToken, serviceToken(t, i, "reader", "admin", "read_only")} {
			export.token = token
			wantProblem(t, i, api.CodeForbidden, export)
		}
		export.token = i.AdminToken
		got := want(t, i, 200, export).object(t)
		ws := want(t, i, 200, call{method: "GET", path: "/v1/workspaces/" + i.Workspace, token: i.AdminToken}).object(t)
		if got["last_export_at"] == nil || got["last_export_at"] != ws["last_export_at"] || got["etag"] != ws["etag"] {
			t.Errorf("noted %v, found %v", got["last_export_at"], ws["last_export_at"])
		}
	})
}
