package server_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// tree makes /a and /a/b, which the member may view by a grant.
func tree(t testing.TB, i *servertest.Instance) {
	t.Helper()
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}})
	want(t, i, 201, call{method: "PUT", path: in(i, "projects/%2Fa"), token: i.OwnerToken, body: doc{"path": "/a", "name": "A", "team": "a"}})
	want(t, i, 201, call{method: "PUT", path: in(i, "folders/%2Fa%2Fb"), token: i.OwnerToken, body: doc{"path": "/a/b"}})
	want(t, i, 201, call{method: "POST", path: in(i, "access_grants"), token: i.OwnerToken, body: doc{"resource": "/a", "principal": "member:member@example.com", "level": "view"}})
}

func column(t testing.TB, page doc, list, name string) []string {
	t.Helper()
	out := []string{}
	for _, v := range page[list].([]any) {
		out = append(out, v.(doc)[name].(string))
	}
	return out
}

func TestWhoCanAndItemsArePagedAndAgreeWithCheck(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		tree(t, i)
		ask := func(path string) doc {
			return want(t, i, 200, call{method: "GET", path: in(i, path), token: i.OwnerToken}).object(t)
		}
		all := column(t, ask("access/who_can?resource=/a/b&permission=asset.read"), "items", "principal")
		if diff := cmp.Diff([]string{"member:member@example.com", "member:owner@example.com"}, all); diff != "" {
			t.Errorf("who can read (-want +got):\n%s", diff)
		}
		first := ask("access/who_can?resource=/a/b&permission=asset.read&limit=1")
		second := ask("access/who_can?resource=/a/b&permission=asset.read&limit=1&cursor=" + first["next_cursor"].(string))
		if got := append(column(t, first, "items", "principal"), column(t, second, "items", "principal")...); !slices.Equal(got, all) || second["next_cursor"] != nil {
			t.Errorf("one at a time: %v, then %v", first, second)
		}
		if got := column(t, ask("access/who_can?permission=audit.read"), "items", "principal"); !slices.Equal(got, []string{"member:admin@example.com", "member:owner@example.com"}) {
			t.Errorf("who reads the audit log: %v", got)
		}
		page := ask("access/items?principal=member:member@example.com&permission=asset.read&limit=1")
		if got := column(t, page, "items", "path"); !slices.Equal(got, []string{"/a"}) {
			t.Errorf("the first page of items is %v", page)
		}
		page = ask("access/items?principal=member:member@example.com&permission=asset.read&cursor=" + page["next_cursor"].(string))
		if diff := cmp.Diff(doc{"items": []any{doc{"path": "/a/b", "kind": "folder", "level": "view"}}}, page); diff != "" {
			t.Errorf("the second page of items (-want +got):\n%s", diff)
		}
		// About oneself one may ask; about others and about everybody one may not.
		want(t, i, 200, call{method: "GET", path: in(i, "access/items?principal=member:member@example.com&permission=asset.read"), token: i.MemberToken})
		wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "access/items?principal=member:owner@example.com&permission=asset.read"), token: i.MemberToken})
		wantProblem(t, i, api.CodeForbidden, call{method: "GET", path: in(i, "access/who_can?resource=/a&permission=asset.read"), token: i.MemberToken})
		for path, code := range map[string]api.Code{
			"access/who_can?resource=/a&permission=asset.reed":                                               api.CodeInvalid,
			"access/who_can?resource=/a":                                                                     api.CodeInvalid,
			"access/who_can?resource=a&permission=asset.read":                                                api.CodeMalformed,
			"access/who_can?resource=/a&permission=asset.read&limit=501":                                     api.CodeMalformed,
			"access/who_can?resource=/a&permission=asset.read&cursor=zzz":                                    api.CodeMalformed,
			"access/items?permission=asset.read":                                                             api.CodeMalformed,
			"access/items?principal=member:member@example.com&permission=team.read":                          api.CodeInvalid,
			"access/items?principal=member:member@example.com&permission=asset.read&resource=/everything":    api.CodeMalformed,
			"access/items?principal=member:member@example.com&permission=asset.read&limit=0":                 api.CodeMalformed,
			"access/items?principal=member:member@example.com&permission=asset.read&cursor=bm90LWEtY3Vyc29y": api.CodeMalformed,
		} {
			wantProblem(t, i, code, call{method: "GET", path: in(i, path), token: i.OwnerToken})
		}
	})
}

func TestSimulateTellsWhoGainsAndWhoLoses(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		tree(t, i)
		before := dump(t, i)
		simulate := call{method: "POST", path: in(i, "access/simulate"), token: i.OwnerToken, body: doc{
			"changes": []doc{
				{"kind": "access_grant", "ref": "/a/member:member@example.com", "document": doc{"resource": "/a", "principal": "member:member@example.com", "level": "edit"}},
				{"kind": "folder", "ref": "/a/b", "document": doc{"path": "/a/b", "inheritance": "restricted"}},
			},
			"pairs": []doc{{"principal": "member:member@example.com", "resource": "/a", "permission": "asset.update"}},
		}}
		key := want(t, i, 200, call{method: "GET", path: in(i, "access_grants"), token: i.OwnerToken}).object(t)["items"].([]any)[0].(doc)["key"].(string)
		simulate.body.(doc)["changes"].([]doc)[0]["ref"] = key
		got := want(t, i, 200, simulate).object(t)
		if diff := cmp.Diff([]any{doc{"principal": "member:member@example.com", "resource": "/a", "permission": "asset.update", "before": false, "after": true}}, got["answers"]); diff != "" {
			t.Errorf("answers (-want +got):\n%s", diff)
		}
		delete(simulate.body.(doc), "pairs")
		got = want(t, i, 200, simulate).object(t)
		gain, loss := got["gains"].([]any)[0].(doc), got["losses"].([]any)[0].(doc)
		if gain["principal"] != "member:member@example.com" || gain["resource"] != "/a" || gain["old_level"] != "view" || gain["new_level"] != "edit" || !slices.Contains(texts(gain["permissions"]), "asset.update") {
			t.Errorf("the gain is %v", gain)
		}
		if loss["principal"] != "member:member@example.com" || loss["resource"] != "/a/b" || loss["old_level"] != "view" || loss["new_level"] != "none" || got["sampled"] != false {
			t.Errorf("the loss is %v of %v", loss, got)
		}
		if diff := cmp.Diff(before, dump(t, i)); diff != "" {
			t.Errorf("simulating changed something (-before +after):\n%s", diff)
		}
		// A token that may only read may simulate what its owner could do.
		reader := serviceToken(t, i, "planner", "admin", "read_only")
		want(t, i, 200, call{method: "POST", path: simulate.path, token: reader, body: simulate.body})
		wantProblem(t, i, api.CodeForbidden, call{method: "POST", path: simulate.path, token: i.MemberToken, body: simulate.body})
		wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: simulate.path, token: i.OwnerToken, body: doc{"changes": []doc{}}})
		p := wantProblem(t, i, api.CodeInvalid, call{method: "POST", path: simulate.path, token: i.OwnerToken, body: doc{"changes": []doc{{"kind": "team", "document": doc{"slug": "Not A Slug", "name": "X"}}}}})
		if len(p.Errors) != 1 || p.Errors[0].Path != "/changes/0/document/slug" {
			t.Errorf("the violation is %+v", p.Errors)
		}
	})
}
