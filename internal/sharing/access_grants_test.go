package sharing_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func (w *world) set(by *object.Caller, grants doc, sources ...string) (*api.AccessGrants, error) {
	w.t.Helper()
	d := doc{"resource": "/finance", "grants": grants}
	if len(sources) > 0 {
		d["sources"] = sources
	}
	obj, err := w.TryPut(w.t, by, api.AccessGrantsKind, "/finance", d)
	if err != nil {
		return nil, err
	}
	return obj.(*api.AccessGrants), nil
}

func (w *world) grantsOf(path string) *api.AccessGrants {
	w.t.Helper()
	return w.Get(w.t, w.Admin, api.AccessGrantsKind, path).(*api.AccessGrants)
}

func (w *world) wantGrants(want map[string]string) {
	w.t.Helper()
	if diff := cmp.Diff(want, w.grantsOf("/finance").Grants); diff != "" {
		w.t.Errorf("grants of /finance (-want +got):\n%s", diff)
	}
}

func TestTheMapIsAuthoritativeWithinItsSources(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		tf := objecttest.Stack(w.Admin, "prod")
		w.Create(t, w.Admin, api.RoleKind, doc{"name": "auditor", "base_level": "view"})
		w.Create(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "team:film", "edit"))
		w.Create(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "group:Finance", "view"))
		w.sql(`UPDATE access_grant SET source = 'scim', manager = 'scim', doc = REPLACE(doc, '"source":"manual"', '"source":"scim"') WHERE principal = 'group:Finance'`)
		w.wantGrants(map[string]string{"team:film": "edit"}) // readable before anybody declares it

		if _, err := w.set(tf, doc{"team:design": "edit", "member:" + nobody: "auditor"}); err != nil {
			t.Fatal(err)
		}
		w.wantGrants(map[string]string{"team:design": "edit", "member:" + nobody: "auditor"})
		w.wantLevel("member:"+nobody, "/finance", "view")
		if keys := w.keys(w.Admin, api.AccessGrantKind); len(keys) != 3 {
			t.Errorf("grants = %v, want the two declared and the group's", keys)
		}
		g := w.Get(t, w.Admin, api.AccessGrantKind, "team:design@/finance").(*api.AccessGrant)
		if g.Source != api.ManagedByTerraform || g.ManagedBy.Stack != "prod" {
			t.Errorf("declared grant: source %q, managed by %+v", g.Source, g.ManagedBy)
		}
		w.Delete(t, tf, api.AccessGrantsKind, "/finance")
		w.wantGrants(map[string]string{})
		if keys := w.keys(w.Admin, api.AccessGrantKind); len(keys) != 1 {
			t.Errorf("grants after destroying = %v, want the group's alone", keys)
		}
	})
}

func TestWhatOnlyTheRowKnowsSurvivesTheMap(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "team:film", "view", "expires_at", in(5), "allow_download", true))
		if _, err := w.set(w.Admin, doc{"team:film": "comment"}); err != nil {
			t.Fatal(err)
		}
		g := w.Get(t, w.Admin, api.AccessGrantKind, "team:film@/finance").(*api.AccessGrant)
		if g.Level != "comment" || g.ExpiresAt == nil || !g.AllowDownload {
			t.Errorf("grant = %+v", g)
		}
	})
}

func TestEntriesThatCannotWorkAreRefusedAtTheirKey(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Admin, api.AccessGrantKind, grantDoc("/finance", "group:A/B", "view"))
		w.sql(`UPDATE access_grant SET source = 'scim', doc = REPLACE(doc, '"source":"manual"', '"source":"scim"')`)
		w.Create(t, objecttest.Stack(w.Admin, "other"), api.AccessGrantKind, grantDoc("/finance", "team:film", "view"))
		by := objecttest.Stack(w.Admin, "prod")
		keep := doc{"team:film": "view"}
		with := func(principal, value string) doc { return doc{"team:film": "view", principal: value} }
		cases := []struct {
			name   string
			grants doc
			at     string
			says   []string
		}{
			{"unknown member", with("member:ann@example.com", "view"), "/grants/member:ann@example.com", []string{"gatehouse_member"}},
			{"unknown role", with("team:design", "auditor"), "/grants/team:design", []string{"auditor", "built-in roles"}},
			{"capital letters", with("team:design", "View"), "/grants/team:design", []string{"view, comment, edit"}},
			{"guest who manages", with("member:"+guest, "manage"), "/grants/member:" + guest, []string{"never pass edit"}},
			{"person outside", with("email:vera@partner.example", "view"), "/grants/email:vera@partner.example", []string{"allowed_domains"}},
			{"other source", with("group:A/B", "view"), "/grants/group:A~1B", []string{"from scim", `add "scim" to sources`}},
			{"other stack, changed", doc{"team:film": "edit"}, "/grants/team:film", []string{`stack "other"`}},
			{"other stack, removed", doc{}, "/grants/team:film", []string{`stack "other"`}},
		}
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				_, err := w.set(by, c.grants)
				wantWords(t, objecttest.WantViolation(t, err, c.at).Message, c.says...)
			})
		}
		_, err := w.set(by, keep, []string{}...)
		if err != nil {
			t.Errorf("a map that leaves the other stack's grant as it is: %v", err)
		}
		_, err = w.TryPut(t, by, api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": keep, "sources": []string{}})
		wantWords(t, objecttest.WantViolation(t, err, "/sources").Message, "governs nothing")
		_, err = w.TryPut(t, by, api.AccessGrantsKind, "/nowhere", doc{"resource": "/nowhere", "grants": doc{}})
		objecttest.WantViolation(t, err, "/resource")
	})
}

func TestTheTagOfTheViewFollowsTheLiveGrants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		set, err := w.set(w.Admin, doc{"team:film": "view"})
		if err != nil {
			t.Fatal(err)
		}
		read := w.grantsOf("/finance")
		if set.ETag != read.ETag {
			t.Errorf("etag of the answer %q, of the next read %q", set.ETag, read.ETag)
		}
		w.grant("team:design", "/finance", "edit")
		if now := w.grantsOf("/finance"); now.ETag == read.ETag {
			t.Error("the etag stayed the same although a grant was added")
		}
		raw := objecttest.JSON(t, doc{"resource": "/finance", "grants": doc{}})
		_, err = w.Service.Put(context.Background(), w.Admin, api.AccessGrantsKind, "/finance", raw, object.WriteOptions{IfMatch: read.ETag})
		objecttest.WantProblem(t, err, api.CodePreconditionFailed)
		w.wantGrants(map[string]string{"team:film": "view", "team:design": "edit"})
	})
}

func TestADryRunOfTheMapLeavesNothingBehind(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		raw := objecttest.JSON(t, doc{"resource": "/finance", "grants": doc{"team:film": "edit"}})
		res, err := w.Service.Put(context.Background(), w.Admin, api.AccessGrantsKind, "/finance", raw, object.WriteOptions{DryRun: true})
		if err != nil || res.Object.(*api.AccessGrants).Grants["team:film"] != "edit" {
			t.Fatalf("dry run: %+v, %v", res, err)
		}
		w.wantGrants(map[string]string{})
	})
}

// Lists over 200 and over 1,000 have broken providers before (RESOURCES.md section 0).
func TestThousandsOfGrantsAreOneChange(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		grants, want := doc{}, map[string]string{}
		for i := range 1500 {
			p := fmt.Sprintf("group:Group %04d", i)
			grants[p], want[p] = "view", "view"
		}
		if _, err := w.set(w.Admin, grants); err != nil {
			t.Fatal(err)
		}
		w.wantGrants(want)
		delete(grants, "group:Group 0700")
		delete(want, "group:Group 0700")
		grants["group:Group 0701"], want["group:Group 0701"] = "edit", "edit"
		before := len(w.Events(t, audit.Filter{}))
		if _, err := w.set(w.Admin, grants); err != nil {
			t.Fatal(err)
		}
		w.wantGrants(want)
		if n := len(w.Events(t, audit.Filter{})) - before; n != 3 {
			t.Errorf("%d audit events for one removal and one change, want 3: the two rows and the map", n)
		}
	})
}
