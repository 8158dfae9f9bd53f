package server_test

import (
	"encoding/json"
	"slices"
	"sort"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// route is one operation of the OpenAPI document as it is served.
type route struct {
	method, path, id, permission string
	kind                         *api.Kind // whose object or collection it is; nil for others
	params                       map[string]bool
	takesBody                    bool
	success                      []string
	spec                         map[string]any
}

func (r route) String() string { return r.method + " " + r.path }

// inWorkspace routes are about one workspace.
func (r route) inWorkspace() bool { return strings.Contains(r.path, "{workspace}") }

// readsOnly routes change nothing.
func (r route) readsOnly() bool {
	return r.method == "GET" || slices.Contains([]string{"introspect_share_visit", "batch_read", "check_access", "simulate_access", "simulate_provisioning", "preview_sharing_policy"}, r.id)
}

// document is the OpenAPI document as a client gets it.
func document(t testing.TB, i *servertest.Instance) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal(want(t, i, 200, call{method: "GET", path: "/openapi.json"}).body, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// routes walks the document: what is not in it is not tested, so TestNoRouteIsHidden
// compares it with the routes that answer.
func routes(t testing.TB, i *servertest.Instance) []route {
	t.Helper()
	var out []route
	for path, item := range document(t, i)["paths"].(map[string]any) {
		for method, o := range item.(map[string]any) {
			op := o.(map[string]any)
			r := route{method: strings.ToUpper(method), path: path, id: op["operationId"].(string), params: map[string]bool{}, spec: op}
			r.permission, _ = op["x-gatehouse-permission"].(string)
			_, r.takesBody = op["requestBody"]
			params, _ := op["parameters"].([]any)
			for _, p := range params {
				r.params[p.(map[string]any)["name"].(string)] = true
			}
			for status := range op["responses"].(map[string]any) {
				if status != "default" {
					r.success = append(r.success, status)
				}
			}
			r.kind = kindOfPath(path)
			out = append(out, r)
		}
	}
	sort.Slice(out, func(a, b int) bool { return out[a].String() < out[b].String() })
	if len(out) < 4*len(api.Kinds()) {
		t.Fatalf("the document has %d operations; many more were expected", len(out))
	}
	return out
}

// kindOfPath is the kind that a generic route is about.
func kindOfPath(path string) *api.Kind {
	for _, k := range api.Kinds() {
		for _, p := range []string{objectTemplate(k), strings.TrimSuffix(objectTemplate(k), "/{ref}")} {
			if p == path {
				return k
			}
		}
	}
	return nil
}

func objectTemplate(k *api.Kind) string {
	switch {
	case k == api.WorkspaceKind:
		return "/v1/workspaces/{workspace}"
	case k.Singleton:
		return "/v1/workspaces/{workspace}/" + k.Name
	}
	return "/v1/workspaces/{workspace}/" + k.Plural + "/{ref}"
}

// noPermission are the routes that no permission of the catalogue opens.
var noPermission = map[string]string{
	"whoami":                 "authenticated: everybody may ask who they are",
	"list_regions":           "authenticated: the same for everybody",
	"list_permissions":       "authenticated: the same for everybody",
	"list_workspaces":        "authenticated: answers only those that the caller can see",
	"accept_workspace_owner": "authenticated: only the member to whom the ownership was offered",
	"create_workspace":       "operator: there is no workspace yet whose permissions could be asked",
	"batch_read":             "the read permission of each kind: what the caller may not read is null",
}

func TestEveryRouteNamesThePermissionThatItNeeds(t *testing.T) {
	i := servertest.Start(t)
	seen := map[string]bool{}
	for _, r := range routes(t, i) {
		if seen[r.id] {
			t.Errorf("%s: the operation id %q is used twice", r, r.id)
		}
		seen[r.id] = true
		why, excepted := noPermission[r.id]
		switch {
		case r.permission == "":
			t.Errorf("%s has no x-gatehouse-permission", r)
		case excepted && !strings.HasPrefix(why, r.permission):
			t.Errorf("%s says %q; the table of exceptions says %q", r, r.permission, why)
		case !excepted && !vocabulary.Known(r.permission):
			t.Errorf("%s needs %q, which is not a permission of the catalogue", r, r.permission)
		case r.kind != nil && r.method == "GET" && !excepted && r.permission != r.kind.ReadPermission():
			t.Errorf("%s needs %q, want %q", r, r.permission, r.kind.ReadPermission())
		case r.kind != nil && r.method != "GET" && !excepted && r.permission != r.kind.WritePermission():
			t.Errorf("%s needs %q, want %q", r, r.permission, r.kind.WritePermission())
		}
	}
	for id := range noPermission {
		if !seen[id] {
			t.Errorf("the exception %s names no route", id)
		}
	}
}

// TestEveryKindHasAllItsRoutes holds the shape that clients rely on.
func TestEveryKindHasAllItsRoutes(t *testing.T) {
	i := servertest.Start(t)
	have := map[string]route{}
	for _, r := range routes(t, i) {
		have[r.String()] = r
	}
	for _, k := range api.Kinds() {
		object := objectTemplate(k)
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			if _, ok := have[method+" "+object]; !ok {
				t.Errorf("kind %s has no %s %s", k.Name, method, object)
			}
		}
		for _, name := range []string{"dry_run", "If-Match", "Gatehouse-Stack", "Gatehouse-Adopt"} {
			if !have["PUT "+object].params[name] || !have["DELETE "+object].params[name] {
				t.Errorf("kind %s: %s is not a parameter of its writes", k.Name, name)
			}
		}
		if k.Singleton {
			continue
		}
		collection := strings.TrimSuffix(object, "/{ref}")
		list, create := have["GET "+collection], have["POST "+collection]
		if list.id == "" || create.id == "" {
			t.Errorf("kind %s: the collection %s has not both GET and POST", k.Name, collection)
			continue
		}
		for _, f := range k.Fields() {
			if f.Filter != list.params[f.Name] {
				t.Errorf("kind %s: filter %s is %v in the document, %v in the kind", k.Name, f.Name, list.params[f.Name], f.Filter)
			}
		}
		if !create.params["Idempotency-Key"] || !list.params["cursor"] || !list.params["limit"] {
			t.Errorf("kind %s: Idempotency-Key, cursor or limit is missing", k.Name)
		}
	}
}
