package server_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

var (
	ann   = doc{"type": "member", "id": "member@example.com"}
	itemA = doc{"type": "item", "id": "/a"}
	read  = doc{"name": "asset.read"}
	edit  = doc{"name": "asset.update"}
)

// application is a token as an application has it: it may ask, and do nothing else.
func application(t testing.TB, i *servertest.Instance) string {
	t.Helper()
	return serviceToken(t, i, "app", "admin", "access.explain")
}

func evaluation(token string, body any) call {
	return call{method: "POST", path: "/access/v1/evaluation", token: token, body: body}
}

func TestAuthZENEvaluationDecidesAndSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		tree(t, i)
		app := application(t, i)
		want(t, i, 201, call{method: "PUT", path: in(i, "sharing_policy"), token: i.OwnerToken, body: doc{"external_sharing": "anyone"}})
		want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": "/a", "principal": "email:x@outside.example", "level": "comment", "condition": "context.device_known"}})
		for name, c := range map[string]struct {
			body doc
			want bool
		}{
			"allowed":                   {doc{"subject": ann, "resource": itemA, "action": read}, true},
			"user is a member":          {doc{"subject": doc{"type": "user", "id": "Member@Example.com", "properties": doc{"department": "film"}}, "resource": itemA, "action": read}, true},
			"a kind of item":            {doc{"subject": ann, "resource": doc{"type": "project", "id": "/a"}, "action": read}, true},
			"inherited":                 {doc{"subject": ann, "resource": doc{"type": "folder", "id": "/a/b"}, "action": read}, true},
			"no such kind of item":      {doc{"subject": ann, "resource": doc{"type": "asset", "id": "/a"}, "action": read}, false},
			"denied":                    {doc{"subject": ann, "resource": itemA, "action": edit}, false},
			"unknown permission":        {doc{"subject": ann, "resource": itemA, "action": doc{"name": "can_fly"}}, false},
			"nobody":                    {doc{"subject": doc{"type": "member", "id": "none@example.com"}, "resource": itemA, "action": read}, false},
			"the workspace":             {doc{"subject": doc{"type": "member", "id": "admin@example.com"}, "resource": doc{"type": "workspace", "id": i.Workspace}, "action": doc{"name": "audit.read"}}, true},
			"circumstances hold":        {doc{"subject": doc{"type": "email", "id": "x@outside.example"}, "resource": itemA, "action": read, "context": doc{"device_known": true, "anything": []int{1}}}, true},
			"circumstances do not hold": {doc{"subject": doc{"type": "email", "id": "x@outside.example"}, "resource": itemA, "action": read}, false},
		} {
			got := want(t, i, 200, evaluation(app, c.body)).object(t)
			context, _ := got["context"].(doc)
			if got["decision"] != c.want || context == nil || len(context["reasons"].([]any)) == 0 {
				t.Errorf("%s: %v", name, got)
			}
		}
	})
}

func TestAuthZENAnswersBadQuestionsWithStatusCodes(t *testing.T) {
	i := servertest.Start(t)
	tree(t, i)
	app := application(t, i)
	good := doc{"subject": ann, "resource": itemA, "action": read}
	for name, body := range map[string]any{
		"empty":               "",
		"null":                "null",
		"an array":            "[]",
		"not JSON":            "{",
		"no subject":          doc{"resource": itemA, "action": read},
		"no subject id":       doc{"subject": doc{"type": "member"}, "resource": itemA, "action": read},
		"no resource":         doc{"subject": ann, "action": read},
		"no resource type":    doc{"subject": ann, "resource": doc{"id": "/a"}, "action": read},
		"no action":           doc{"subject": ann, "resource": itemA},
		"no action name":      doc{"subject": ann, "resource": itemA, "action": doc{}},
		"a number for a type": doc{"subject": doc{"type": 7, "id": "x"}, "resource": itemA, "action": read},
		"unknown subject":     doc{"subject": doc{"type": "robot", "id": "x"}, "resource": itemA, "action": read},
		"unknown resource":    doc{"subject": ann, "resource": doc{"type": "planet", "id": "x"}, "action": read},
		"not a path":          doc{"subject": ann, "resource": doc{"type": "item", "id": "a"}, "action": read},
		"not an address":      doc{"subject": ann, "resource": itemA, "action": read, "context": doc{"ip": "here"}},
	} {
		if p := wantProblem(t, i, api.CodeMalformed, evaluation(app, body)); p.Detail == "" {
			t.Errorf("%s: nothing is said", name)
		}
	}
	wantProblem(t, i, api.CodeNotFound, evaluation(app, doc{"subject": ann, "resource": doc{"type": "workspace", "id": "globex"}, "action": doc{"name": "team.read"}}))
	wantProblem(t, i, api.CodeUnsupportedMedia, call{method: "POST", path: "/access/v1/evaluation", token: app, body: good, header: map[string]string{"Content-Type": "text/plain"}})
	for _, path := range []string{"evaluation", "evaluations", "search/subject", "search/resource", "search/action"} {
		path = "/access/v1/" + path
		wantProblem(t, i, api.CodeUnauthenticated, call{method: "POST", path: path, body: good})
		// Neither a person without the permission nor a token without the scope.
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: path, token: i.MemberToken, body: good})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: path, token: i.OperatorToken, body: good})
		wantProblem(t, i, api.CodeMethodNotAllowed, call{method: "GET", path: path, token: app})
		wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: path, token: app, body: "{"})
	}
	narrow := serviceToken(t, i, "narrow", "admin", "team.read")
	wantProblem(t, i, api.CodeForbidden, evaluation(narrow, good))
	wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "teams"), token: app})
	wantProblem(t, i, api.CodeNotFound, call{method: "POST", path: "/access/v1/search/planet", token: app, body: good})
}

func TestAuthZENTokenDecidesInItsOwnWorkspace(t *testing.T) {
	i := servertest.Start(t)
	tree(t, i)
	i.AddWorkspace("globex")
	app := application(t, i)
	if got := want(t, i, 200, evaluation(app, doc{"subject": ann, "resource": itemA, "action": read})).object(t); got["decision"] != false {
		t.Errorf("a token of globex sees a grant of acme: %v", got)
	}
}

func TestAuthZENEvaluationsFollowTheirSemantics(t *testing.T) {
	i := servertest.Start(t)
	tree(t, i)
	app := application(t, i)
	evaluations := []doc{{"action": read}, {"action": edit}, {"action": read, "resource": doc{"type": "item", "id": "/a/b"}}, {"action": read, "resource": doc{"type": "planet", "id": "x"}}}
	send := func(body doc) []any {
		return want(t, i, 200, call{method: "POST", path: "/access/v1/evaluations", token: app, body: body}).object(t)["evaluations"].([]any)
	}
	for semantic, decisions := range map[string][]any{
		"":                       {true, false, true, false},
		"execute_all":            {true, false, true, false},
		"deny_on_first_deny":     {true, false},
		"permit_on_first_permit": {true},
	} {
		body := doc{"subject": ann, "resource": itemA, "evaluations": evaluations}
		if semantic != "" {
			body["options"] = doc{"evaluations_semantic": semantic}
		}
		got := []any{}
		all := send(body)
		for _, e := range all {
			got = append(got, e.(doc)["decision"])
		}
		if diff := cmp.Diff(decisions, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", semantic, diff)
		}
		if len(all) == 4 {
			if e := all[3].(doc)["context"].(doc)["error"].(doc); e["status"] != 400.0 || e["message"] == "" {
				t.Errorf("%s: the bad question is answered with %v", semantic, all[3])
			}
		}
	}
	// Without evaluations it is one evaluation.
	one := want(t, i, 200, call{method: "POST", path: "/access/v1/evaluations", token: app, body: doc{"subject": ann, "resource": itemA, "action": read}}).object(t)
	if one["decision"] != true || one["evaluations"] != nil {
		t.Errorf("a single evaluation is answered with %v", one)
	}
	wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: "/access/v1/evaluations", token: app, body: doc{"subject": ann, "resource": itemA, "evaluations": evaluations, "options": doc{"evaluations_semantic": "guess"}}})
	wantProblem(t, i, api.CodeTooLarge, call{method: "POST", path: "/access/v1/evaluations", token: app, body: doc{"subject": ann, "resource": itemA, "evaluations": slices.Repeat(evaluations, 126)}})
}

func TestAuthZENSearchesArePagedAndTyped(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		tree(t, i)
		app := application(t, i)
		search := func(what string, body doc) doc {
			return want(t, i, 200, call{method: "POST", path: "/access/v1/search/" + what, token: app, body: body}).object(t)
		}
		walk := func(what string, body doc) (out []any) {
			body["page"] = doc{"limit": 1}
			for range 10 {
				page := search(what, body)
				results := page["results"].([]any)
				out = append(out, results...)
				token := page["page"].(doc)["next_token"].(string)
				if page["page"].(doc)["count"] != float64(len(results)) || len(results) > 1 {
					t.Errorf("%s: the page is %v", what, page)
				}
				if token == "" {
					return out
				}
				body["page"] = doc{"limit": 1, "token": token}
			}
			t.Errorf("%s never ends", what)
			return out
		}
		for _, kind := range []string{"member", "user"} {
			got := walk("subject", doc{"subject": doc{"type": kind}, "resource": itemA, "action": read})
			if diff := cmp.Diff([]any{doc{"type": kind, "id": "member@example.com"}, doc{"type": kind, "id": "owner@example.com"}}, got); diff != "" {
				t.Errorf("subjects (-want +got):\n%s", diff)
			}
		}
		for kind, paths := range map[string][]string{"item": {"/a", "/a/b"}, "project": {"/a"}, "folder": {"/a/b"}, "asset": nil} {
			var all []any
			for _, p := range paths {
				all = append(all, doc{"type": kind, "id": p})
			}
			if diff := cmp.Diff(all, walk("resource", doc{"subject": ann, "resource": doc{"type": kind}, "action": read})); diff != "" {
				t.Errorf("resources of type %s (-want +got):\n%s", kind, diff)
			}
		}
		// Actions agree with evaluation.
		actions := column(t, search("action", doc{"subject": ann, "resource": itemA}), "results", "name")
		for _, name := range []string{"asset.read", "asset.update", "item.read", "grant.create"} {
			if d := want(t, i, 200, evaluation(app, doc{"subject": ann, "resource": itemA, "action": doc{"name": name}})).object(t)["decision"]; d != slices.Contains(actions, name) {
				t.Errorf("%s is decided %v; the actions are %v", name, d, actions)
			}
		}
		if got := column(t, search("action", doc{"subject": ann, "resource": doc{"type": "workspace", "id": i.Workspace}}), "results", "name"); !slices.Contains(got, "team.read") {
			t.Errorf("actions of the workspace: %v", got)
		}
		if got := search("subject", doc{"subject": doc{"type": "service_account"}, "resource": doc{"type": "asset", "id": "/a"}, "action": read}); len(got["results"].([]any)) != 0 {
			t.Errorf("subjects of what is not there: %v", got)
		}
		for what, bodies := range map[string][]doc{
			"subject":  {{"resource": itemA, "action": read}, {"subject": doc{"type": "team"}, "resource": itemA, "action": read}, {"subject": ann, "resource": itemA}, {"subject": ann, "action": read}, {"subject": ann, "resource": itemA, "action": doc{"name": "asset.reed"}}, {"subject": ann, "resource": itemA, "action": read, "page": doc{"token": "zzz"}}, {"subject": ann, "resource": itemA, "action": read, "page": doc{"limit": 501}}},
			"resource": {{"resource": itemA, "action": read}, {"subject": ann, "action": read}, {"subject": ann, "resource": doc{"type": "workspace"}, "action": read}, {"subject": ann, "resource": itemA}, {"subject": ann, "resource": itemA, "action": doc{"name": "team.read"}}},
			"action":   {{"resource": itemA}, {"subject": ann}, {"subject": doc{"type": "member"}, "resource": itemA}},
		} {
			for n, body := range bodies {
				t.Run(fmt.Sprint(what, n), func(t *testing.T) {
					wantProblem(t, i, api.CodeMalformed, call{method: "POST", path: "/access/v1/search/" + what, token: app, body: body})
				})
			}
		}
	})
}

func TestAuthZENMetadataNamesEveryEndpoint(t *testing.T) {
	i := servertest.Start(t)
	got := want(t, i, 200, call{method: "GET", path: "/.well-known/authzen-configuration"}).object(t)
	base, _ := got["policy_decision_point"].(string)
	if base == "" || len(got) != 6 {
		t.Errorf("the metadata is %v", got)
	}
	for name, path := range map[string]string{"access_evaluation_endpoint": "evaluation", "access_evaluations_endpoint": "evaluations", "search_subject_endpoint": "search/subject", "search_resource_endpoint": "search/resource", "search_action_endpoint": "search/action"} {
		if got[name] != base+"/access/v1/"+path {
			t.Errorf("%s is %v", name, got[name])
		}
		wantProblem(t, i, api.CodeUnauthenticated, call{method: "POST", path: "/access/v1/" + path, body: doc{}})
	}
}

func TestAuthZENRequestIDComesBack(t *testing.T) {
	i := servertest.Start(t)
	for id, echoed := range map[string]string{"bfe9eb29-ab87-4ca3-be83-a1d5d8305716": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716", "": ""} {
		r := send(t, i, call{method: "POST", path: "/access/v1/evaluation", body: doc{}, header: map[string]string{"X-Request-ID": id}})
		if got := r.header.Get("X-Request-ID"); got != echoed {
			t.Errorf("%q comes back as %q", id, got)
		}
	}
}
