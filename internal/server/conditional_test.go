package server_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestVersionsAreCompared(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		made := fill(t, i)
		for _, k := range api.Kinds() {
			path := objectPath(i.Workspace, k, made.keys[k.Name])
			first := want(t, i, 200, call{method: "GET", path: path, token: i.OwnerToken})
			etag := first.header.Get("ETag")
			if etag == "" || etag != `"`+first.object(t)["etag"].(string)+`"` {
				t.Errorf("%s: ETag is %q, the object says %v", k.Name, etag, first.object(t)["etag"])
			}
			for _, known := range []string{etag, "W/" + etag, `"zzz", ` + etag, "*"} {
				want(t, i, 304, call{method: "GET", path: path, token: i.OwnerToken, header: map[string]string{"If-None-Match": known}})
			}
			want(t, i, 200, call{method: "GET", path: path, token: i.OwnerToken, header: map[string]string{"If-None-Match": `"zzz"`}})
			for _, method := range []string{"PUT", "DELETE"} {
				c := call{method: method, path: path, token: i.OwnerToken, header: map[string]string{"If-Match": `"zzz"`}}
				if method == "PUT" {
					c.body = sampleOf(t, i.Workspace, k)
				}
				wantProblem(t, i, api.CodePreconditionFailed, c)
				c.path += "?dry_run=true"
				wantProblem(t, i, api.CodePreconditionFailed, c)
			}
			same := sampleOf(t, i.Workspace, k)
			delete(same, "url_wo")
			delete(same, "secret_wo")
			delete(same, "password_wo")
			delete(same, "authorization_header_wo")
			if oidc, ok := same["oidc"].(doc); ok {
				delete(oidc, "client_secret_wo") // a secret that is given is a change
			}
			want(t, i, 200, call{method: "PUT", path: path, token: i.OwnerToken, body: same, header: map[string]string{"If-Match": etag}})
			if again := want(t, i, 200, call{method: "GET", path: path, token: i.OwnerToken}).header.Get("ETag"); again != etag {
				t.Errorf("%s: writing the same again changed the version from %s to %s", k.Name, etag, again)
			}
		}
		wantProblem(t, i, api.CodePreconditionFailed, call{method: "PUT", path: in(i, "teams/none"), token: i.OwnerToken, body: doc{"slug": "none", "name": "None"}, header: map[string]string{"If-Match": `"1"`}})
		wantProblem(t, i, api.CodeConflict, call{method: "PUT", path: objectPath(i.Workspace, api.TeamKind, made.keys["team"]), token: i.OwnerToken, body: sampleOf(t, i.Workspace, api.TeamKind), header: map[string]string{"If-None-Match": "*"}})
	})
}

// TestOneOfManyWritersWins: with If-Match, of writers who have seen the same version
// exactly one succeeds.
func TestOneOfManyWritersWins(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		etag := want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}}).header.Get("ETag")
		statuses := make([]int, 8)
		var wg sync.WaitGroup
		for n := range statuses {
			wg.Go(func() {
				statuses[n] = send(t, i, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": fmt.Sprint("A", n)}, header: map[string]string{"If-Match": etag}}).status
			})
		}
		wg.Wait()
		slices.Sort(statuses)
		if diff := cmp.Diff([]int{200, 412, 412, 412, 412, 412, 412, 412}, statuses); diff != "" {
			t.Errorf("statuses (-want +got):\n%s", diff)
		}
	})
}

func TestIdempotencyKeyRepeatsTheAnswerAndNotTheChange(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		c := call{method: "POST", path: in(i, "teams"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}, header: map[string]string{"Idempotency-Key": "key-1"}}
		ids := make([]any, 6)
		var wg sync.WaitGroup
		for n := range ids {
			wg.Go(func() {
				if r := send(t, i, c); r.status == 201 {
					ids[n] = r.object(t)["id"]
				} else {
					ids[n] = r.String()
				}
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] || id == nil {
				t.Fatalf("the same request made %v", ids)
			}
		}
		created := want(t, i, 200, call{method: "GET", path: in(i, "audit_events") + "?action=team.created", token: i.OwnerToken}).object(t)
		if n := len(created["items"].([]any)); n != 1 {
			t.Errorf("%d events say that it was created", n)
		}
		// Another body, another kind, another caller.
		other := c
		other.body = doc{"slug": "b", "name": "B"}
		wantProblem(t, i, api.CodeConflict, other)
		want(t, i, 404, call{method: "GET", path: in(i, "teams/b"), token: i.OwnerToken})
		kind := c
		kind.path, kind.body = in(i, "roles"), doc{"name": "r", "base_level": "view"}
		wantProblem(t, i, api.CodeConflict, kind)
		admin := c
		admin.token, admin.body = i.AdminToken, doc{"slug": "c", "name": "C"}
		want(t, i, 201, admin)
		// A refused request is not remembered.
		bad := c
		bad.header, bad.body = map[string]string{"Idempotency-Key": "key-2"}, doc{"slug": "d", "name": "D", "parent": "nobody"}
		wantProblem(t, i, api.CodeInvalid, bad)
		bad.body = doc{"slug": "d", "name": "D"}
		want(t, i, 201, bad)
		// Nor is a dry run.
		dry := c
		dry.path, dry.header, dry.body = in(i, "teams")+"?dry_run=true", map[string]string{"Idempotency-Key": "key-3"}, doc{"slug": "e", "name": "E"}
		want(t, i, 201, dry)
		dry.path = in(i, "teams")
		want(t, i, 201, dry)
	})
}

// TestDryRunLeavesNothing sends every write of every kind as a dry run, then for real:
// the answers agree in status, and only the second leaves anything.
func TestDryRunLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		for _, s := range samples(i.Workspace) {
			path := objectPath(i.Workspace, s.kind, keyOf(t, s))
			before := dump(t, i)
			dry := send(t, i, call{method: "PUT", path: path + "?dry_run=true", token: i.OwnerToken, body: s.doc})
			if diff := cmp.Diff(before, dump(t, i)); diff != "" {
				t.Fatalf("%s: a dry run changed something (-before +after):\n%s", s.kind.Name, diff)
			}
			real := send(t, i, call{method: "PUT", path: path, token: i.OwnerToken, body: s.doc})
			if dry.status != real.status || real.status >= 300 {
				t.Fatalf("%s: the dry run answers %d, the write %d: %s", s.kind.Name, dry.status, real.status, real.body)
			}
			a, b := dry.object(t), real.object(t)
			for _, name := range []string{"id", "etag", "managed_by", "created_at", "updated_at", "expires_at"} {
				delete(a, name)
				delete(b, name)
			}
			if diff := cmp.Diff(a, b); diff != "" {
				t.Errorf("%s: the dry run promised something else (-dry +real):\n%s", s.kind.Name, diff)
			}
			before = dump(t, i)
			send(t, i, call{method: "DELETE", path: path + "?dry_run=true", token: i.OwnerToken})
			if diff := cmp.Diff(before, dump(t, i)); diff != "" {
				t.Fatalf("%s: a dry deletion changed something (-before +after):\n%s", s.kind.Name, diff)
			}
		}
	})
}
