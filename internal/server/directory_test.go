package server_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// ofConnections are the routes that SCIM tokens open; the workspace is the token's, so
// nobody can name another.
func (r route) ofConnections() bool { return strings.HasPrefix(r.path, "/v1/directory") }

// peopleRoutes are the others.
func peopleRoutes(t testing.TB, i *servertest.Instance) []route {
	t.Helper()
	return slices.DeleteFunc(routes(t, i), route.ofConnections)
}

func directoryRoutes(t testing.TB, i *servertest.Instance) []route {
	t.Helper()
	out := slices.DeleteFunc(routes(t, i), func(r route) bool { return !r.ofConnections() })
	if len(out) != 12 {
		t.Fatalf("%d routes of the directory; this test knows 12", len(out))
	}
	return out
}

// scimToken gives out the secret of a connection's token.
func scimToken(t *testing.T, i *servertest.Instance, connection string) string {
	t.Helper()
	want(t, i, 201, call{method: "POST", path: in(i, "scim_tokens"), token: i.OwnerToken, body: doc{"connection_name": connection, "name": "bridge"}})
	return want(t, i, 200, call{method: "POST", path: in(i, "scim_tokens/"+escape(connection+"/bridge")+"/secrets"), token: i.OwnerToken, body: doc{"rotation": 1}}).object(t)["secret"].(string)
}

// pushedWorld is what a connection pushed: a person, a group.
type pushedWorld struct{ user, group string }

func pushWorld(t *testing.T, i *servertest.Instance, token, name string) pushedWorld {
	t.Helper()
	user := want(t, i, 201, call{method: "POST", path: "/v1/directory/users", token: token, body: doc{"request": aRequest, "user": doc{"userName": name}}}).object(t)["id"].(string)
	group := want(t, i, 201, call{method: "POST", path: "/v1/directory/groups", token: token, body: doc{"request": aRequest, "group": doc{"displayName": "Group of " + name, "members": []doc{{"value": user}}}}}).object(t)["id"].(string)
	return pushedWorld{user, group}
}

var aRequest = doc{"id": "r1", "time": "2026-11-22T00:00:00Z", "method": "POST", "path": "/Users"}

// request is one call of a directory route about what was pushed.
func (w pushedWorld) request(r route, n int) call {
	ref := w.user
	if strings.Contains(r.path, "/groups") {
		ref = w.group
	}
	c := call{method: r.method, path: strings.ReplaceAll(r.path, "{ref}", ref)}
	switch r.id {
	case "query_directory_users", "query_directory_groups":
		c.body = doc{"count": 10, "with_members": true, "with_groups": true, "filter": doc{"path": "id", "op": "eq", "value": ref}}
	case "create_directory_user":
		c.body = doc{"request": aRequest, "user": doc{"userName": fmt.Sprintf("fresh-%d@example.com", n)}}
	case "replace_directory_user":
		c.body = doc{"request": aRequest, "user": doc{"userName": "renamed@example.com", "active": true}}
	case "create_directory_group":
		c.body = doc{"request": aRequest, "group": doc{"displayName": fmt.Sprintf("Fresh %d", n)}}
	case "change_directory_group":
		c.body = doc{"request": aRequest, "operations": []doc{{"op": "remove_all_members"}}}
	case "end_directory_user", "end_directory_group":
		c.body = doc{"request": aRequest}
	case "note_directory_request":
		c.body = doc{"request": aRequest, "status": 400, "detail": "bad"}
	}
	return c
}

func TestTheDirectoryOpensToConnectionsAlone(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		okta := scimToken(t, i, "okta")
		world := pushWorld(t, i, okta, "ann@example.com")
		gone := addAndSuspend(t, i, "gone@example.com")
		all := directoryRoutes(t, i)
		machine := serviceToken(t, i, "machine", "admin", "*")
		before := dump(t, i)
		for name, s := range map[string]struct {
			token  string
			status int
		}{
			"the owner": {i.OwnerToken, 403}, "an admin": {i.AdminToken, 403}, "a member": {i.MemberToken, 403}, "a service account": {machine, 403},
			"the operator": {i.OperatorToken, 403}, "nobody": {"", 401}, "a bad token": {"ghs_bad", 401}, "somebody who left": {gone, 401},
		} {
			for n, r := range all {
				c := world.request(r, n)
				c.token = s.token
				if got := send(t, i, c); got.status != s.status {
					t.Errorf("%s, %s: status %d, want %d: %s", r, name, got.status, s.status, got.body)
				}
			}
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("something was changed (-before +after):\n%s", diff)
		}
	})
}

// A connection reaches what it pushed itself: what another connection, or the same name
// in another workspace, pushed is not there.
func TestTheDirectoryShowsAConnectionItsOwnAlone(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		world := pushWorld(t, i, scimToken(t, i, "okta"), "ann@example.com")
		entra := scimToken(t, i, "entra")
		i.AddWorkspace("globex")
		globex := scimToken(t, i, "okta")
		before := dump(t, i)
		for name, token := range map[string]string{"another connection": entra, "another workspace": globex} {
			for n, r := range directoryRoutes(t, i) {
				c := world.request(r, n)
				c.token = token
				switch {
				case strings.Contains(r.path, "{ref}"):
					if got := send(t, i, c); got.status != 404 {
						t.Errorf("%s, %s: status %d, want 404: %s", r, name, got.status, got.body)
					}
				case strings.HasSuffix(r.path, "/query"):
					page := want(t, i, 200, c).object(t)
					if n := len(page["resources"].([]any)); n != 0 || page["total"] != 0.0 {
						t.Errorf("%s, %s: %v", r, name, page)
					}
				}
			}
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("something was changed (-before +after):\n%s", diff)
		}
	})
}

// What the bridge would never send is refused, with nothing half-applied.
func TestTheDirectoryTrustsNobody(t *testing.T) {
	i := servertest.Start(t)
	token := scimToken(t, i, "okta")
	world := pushWorld(t, i, token, "ann@example.com")
	before := dump(t, i)
	long := strings.Repeat("x", 5000)
	for what, c := range map[string]call{
		"a user without a name":     {method: "POST", path: "/users", body: doc{"request": aRequest, "user": doc{"title": "x"}}},
		"a long name":               {method: "POST", path: "/users", body: doc{"request": aRequest, "user": doc{"userName": long}}},
		"two primaries":             {method: "PUT", path: "/users/" + world.user, body: doc{"request": aRequest, "user": doc{"userName": "a", "emails": []doc{{"value": "a@example.com", "primary": true}, {"value": "b@example.com", "primary": true}}}}},
		"an unknown attribute":      {method: "POST", path: "/users", body: doc{"request": aRequest, "user": doc{"userName": "a", "colour": "blue"}}},
		"a group without a name":    {method: "POST", path: "/groups", body: doc{"request": aRequest, "group": doc{"displayName": ""}}},
		"a member that is nobody":   {method: "POST", path: "/groups", body: doc{"request": aRequest, "group": doc{"displayName": "g", "members": []doc{{"value": "nobody"}}}}},
		"a change that is none":     {method: "POST", path: "/groups/" + world.group + "/changes", body: doc{"request": aRequest, "operations": []doc{{"op": "explode"}}}},
		"an empty name":             {method: "POST", path: "/groups/" + world.group + "/changes", body: doc{"request": aRequest, "operations": []doc{{"op": "remove_all_members"}, {"op": "set_display_name"}}}},
		"a filter that is none":     {method: "POST", path: "/users/query", body: doc{"filter": doc{"path": "userName", "op": "like", "value": "x"}}},
		"a filter on the password":  {method: "POST", path: "/users/query", body: doc{"filter": doc{"path": "password", "op": "eq", "value": "x"}}},
		"sorting by the password":   {method: "POST", path: "/users/query", body: doc{"sort_by": "password", "count": 1}},
		"sorting by a complex one":  {method: "POST", path: "/users/query", body: doc{"sort_by": "name", "count": 1}},
		"a cursor that is none":     {method: "POST", path: "/users/query", body: doc{"by_cursor": true, "cursor": "x", "count": 1}},
		"a flag that is none":       {method: "GET", path: "/users/" + world.user + "?with_groups=maybe"},
		"a body that is no object":  {method: "POST", path: "/users", body: []int{1}},
		"a body of the wrong types": {method: "POST", path: "/users", body: doc{"request": 5, "user": "x"}},
	} {
		c.path, c.token = "/v1/directory"+c.path, token
		if got := send(t, i, c); got.status != 400 {
			t.Errorf("%s: status %d, want 400: %s", what, got.status, got.body)
		}
	}
	if diff := cmp.Diff(before, dump(t, i)); diff != "" {
		t.Errorf("something was changed (-before +after):\n%s", diff)
	}
}

func TestAnswersOfTheDirectoryAreAsDocumented(t *testing.T) {
	i := servertest.Start(t)
	token := scimToken(t, i, "okta")
	world := pushWorld(t, i, token, "ann@example.com")
	spec := document(t, i)
	all := directoryRoutes(t, i)
	// The ends come last.
	slices.SortStableFunc(all, func(a, b route) int {
		return strings.Compare(fmt.Sprint(strings.HasSuffix(a.path, "/end")), fmt.Sprint(strings.HasSuffix(b.path, "/end")))
	})
	for n, r := range all {
		if !slices.Contains([]string{vocabulary.DirectoryRead, vocabulary.DirectoryWrite}, r.permission) {
			t.Errorf("%s needs %q", r, r.permission)
		}
		c := world.request(r, n)
		c.token = token
		got := send(t, i, c)
		if !slices.Contains(r.success, fmt.Sprint(got.status)) {
			t.Errorf("%s: status %d is not documented (%v): %s", r, got.status, r.success, got.body)
			continue
		}
		if got.status == 204 {
			continue
		}
		schema := lookup(r.spec["responses"], "#/"+fmt.Sprint(got.status)+"/content/application~1json/schema")
		var body any
		got.json(t, &body)
		for _, wrong := range against(spec, schema.(map[string]any), body, "") {
			t.Errorf("%s: the answer is not as documented: %s\n%.300s", r, wrong, got.body)
		}
	}
}
