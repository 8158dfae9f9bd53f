package sharing_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

// withReel adds assets and a collection of two of them to the world:
//
//	/campaigns/spring/teaser   in the collection
//	/finance/report            in the collection
//	/finance/other             in none
//	/campaigns/reel            collection
func withReel(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		for _, path := range []string{"/campaigns/spring/teaser", "/finance/report", "/finance/other"} {
			w.asset(path, nil)
		}
		w.reel("/campaigns/reel", "/campaigns/spring/teaser", "/finance/report")
		test(t, w)
	})
}

func (w *world) asset(path string, more doc) *api.Asset {
	w.t.Helper()
	d := doc{"path": path}
	for k, v := range more {
		d[k] = v
	}
	return w.Put(w.t, w.Owner, api.AssetKind, path, d).(*api.Asset)
}

func (w *world) reel(path string, assets ...string) *api.Collection {
	w.t.Helper()
	return w.Put(w.t, w.Owner, api.CollectionKind, path, doc{"path": path, "asset_ids": assets}).(*api.Collection)
}

// C031: recipients of a collection see all its assets, at their level.
func TestRecipientsOfACollectionSeeItsAssetsAtTheirLevel(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.wantLevel(who, "/finance/report", "none")
		w.grant(who, "/campaigns/reel", "comment")
		w.wantLevel(who, "/campaigns/spring/teaser", "comment")
		w.wantLevel(who, "/finance/report", "comment")
		w.wantAllowed(who, "/finance/report", true, "asset.read", "comment.create")
		w.wantAllowed(who, "/finance/report", false, "asset.download", "asset.update")
		// What lies beside the assets stays out of sight.
		w.wantLevel(who, "/finance/other", "none")
		w.wantLevel(who, "/finance", "none")
		w.wantLevel(who, "/campaigns", "none")
		if got, want := w.keys(w.as(nobody), api.AssetKind), []string{"/campaigns/spring/teaser", "/finance/report"}; !slices.Equal(got, want) {
			t.Errorf("assets that a recipient lists = %v, want %v", got, want)
		}
		// The project's team has the collection, and so its assets (C030).
		w.wantLevel("member:"+designer, "/finance/report", "edit")

		// In and out of the collection, on the next request.
		w.reel("/campaigns/reel", "/finance/other", "/finance/report")
		w.wantLevel(who, "/finance/other", "comment")
		w.wantLevel(who, "/campaigns/spring/teaser", "none")
		w.Delete(t, w.Admin, api.CollectionKind, "/campaigns/reel")
		w.wantLevel(who, "/finance/report", "none")
		w.reel("/campaigns/reel", "/finance/report")
		w.wantLevel(who, "/finance/report", "none") // the grant went with the collection
	})
}

// X22: an asset is reachable by several paths, and a deny on any of them denies.
func TestADenyOnAnyPathOfAnAssetDenies(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.reel("/campaigns/second", "/finance/report")
		w.grant(who, "/campaigns/reel", "manage")
		w.wantAllowed(who, "/finance/report", true, "asset.read", "asset.download")
		for n, path := range []string{"/finance", "/campaigns/reel", "/campaigns/second", "/campaigns/second/report"} {
			name := fmt.Sprintf("no-download-%d", n)
			w.Create(t, w.Owner, api.RoleKind, doc{"name": name, "statements": []doc{{"effect": "deny", "permissions": []string{"asset.download"}, "paths": []string{path}}}})
			given := w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": name, "principal": who, "scope": "/"})
			w.wantAllowed(who, "/finance/report", false, "asset.download")
			w.wantAllowed(who, "/finance/report", true, "asset.read")
			w.Delete(t, w.Owner, api.RoleAssignmentKind, given.GetMeta().ID)
			w.wantAllowed(who, "/finance/report", true, "asset.download")
		}
	})
}

// C030: restricted is a cut for what comes through collections as well.
func TestARestrictedAssetTakesNothingFromCollections(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.grant(who, "/campaigns/reel", "edit")
		w.asset("/finance/report", doc{"inheritance": "restricted"})
		w.wantLevel(who, "/finance/report", "none")
		w.wantLevel(who, "/campaigns/spring/teaser", "edit")
		w.asset("/finance/report", nil)
		w.wantLevel(who, "/finance/report", "edit")
		// A restricted collection hands on what was given on it, and not what it inherits.
		w.Put(t, w.Owner, api.CollectionKind, "/campaigns/reel", doc{"path": "/campaigns/reel", "inheritance": "restricted", "asset_ids": []string{"/finance/report"}})
		w.wantLevel("member:"+designer, "/finance/report", "none")
		w.wantLevel(who, "/finance/report", "edit")
	})
}

func TestAssetsAndCollectionsThatCannotBeAreRefusedAtTheirAttribute(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, "mona@example.com", "member")
		w.grant("member:mona@example.com", "/campaigns", "manage")
		w.asset("/finance/third", nil)
		w.grant("member:mona@example.com", "/finance/other", "comment")
		w.grant("member:mona@example.com", "/finance/third", "manage")
		w.Put(t, w.Owner, api.CollectionKind, "/campaigns/full", doc{"path": "/campaigns/full"})
		w.grant("team:film", "/campaigns/full", "full_access")
		collection := func(path string, assets ...string) doc { return doc{"path": path, "asset_ids": assets} }
		w.wantRefused([]refusal{
			{name: "asset at the top", kind: api.AssetKind, at: "/path", says: []string{"in a project or a folder"}, doc: doc{"path": "/report"}},
			{name: "asset under nothing", kind: api.AssetKind, at: "/path", code: api.ViolationReference, says: []string{`"/legal"`, "create it first"}, doc: doc{"path": "/legal/report"}},
			{name: "asset in an asset", kind: api.AssetKind, at: "/path", says: []string{"/finance/report is an asset", "nothing lies below"}, doc: doc{"path": "/finance/report/page"}},
			{name: "asset in a collection", kind: api.AssetKind, at: "/path", says: []string{"is a collection", "holds nothing"}, doc: doc{"path": "/campaigns/reel/clip"}},
			{name: "folder in a collection", kind: api.FolderKind, at: "/path", says: []string{"is a collection"}, doc: doc{"path": "/campaigns/reel/clips"}},
			{name: "project in an asset", kind: api.ProjectKind, at: "/path", says: []string{"is an asset"}, doc: doc{"path": "/finance/report/p", "name": "P", "team": "design"}},
			{name: "asset where a folder is", kind: api.AssetKind, at: "/path", says: []string{"there is a folder at /campaigns/spring already"}, doc: doc{"path": "/campaigns/spring"}},
			{name: "folder where an asset is", kind: api.FolderKind, at: "/path", says: []string{"there is an asset at /finance/report already"}, doc: doc{"path": "/finance/report"}},
			{name: "legal hold by an editor", by: designer, kind: api.AssetKind, at: "/legal_hold", says: []string{"only an owner or an admin"}, doc: doc{"path": "/campaigns/held", "legal_hold": true}},

			{name: "collection in no project", kind: api.CollectionKind, at: "/path", says: []string{"in no project", "/campaigns/best-of"}, doc: collection("/finance/reel")},
			{name: "collection at the top", kind: api.CollectionKind, at: "/path", says: []string{"in no project"}, doc: collection("/reel")},
			{name: "collection in a collection", kind: api.CollectionKind, at: "/path", says: []string{"is a collection"}, doc: collection("/campaigns/reel/reel")},
			{name: "itself", kind: api.CollectionKind, at: "/asset_ids/0", code: api.ViolationReference, says: []string{"gatehouse_asset"}, doc: collection("/campaigns/self", "/campaigns/self")},
			{name: "a circle", kind: api.CollectionKind, at: "/asset_ids/0", says: []string{"is a collection", "assets only"}, doc: collection("/campaigns/circle", "/campaigns/reel")},
			{name: "a folder", kind: api.CollectionKind, at: "/asset_ids/1", says: []string{"is a folder"}, doc: collection("/campaigns/new", "/finance/report", "/finance/quarterly")},
			{name: "an asset that is not there", kind: api.CollectionKind, at: "/asset_ids/0", code: api.ViolationReference, says: []string{"/finance/nothing", "create it first"}, doc: collection("/campaigns/new", "/finance/nothing")},
			{name: "twice", kind: api.CollectionKind, at: "/asset_ids/1", says: []string{"twice"}, doc: collection("/campaigns/new", "/finance/report", "/Finance/Report")},
		})
		// Who manages a collection, and may not share an asset, cannot take it in.
		_, err := w.TryCreate(t, w.as("mona@example.com"), api.CollectionKind, collection("/campaigns/mine", "/finance/other"))
		p := objecttest.WantProblem(t, err, api.CodeForbidden)
		wantWords(t, p.Detail, "/finance/other")
		w.Put(t, w.as("mona@example.com"), api.CollectionKind, "/campaigns/mine", collection("/campaigns/mine", "/finance/third"))
		// Nor does it reach people who would get more than the one who takes it in has.
		_, err = w.TryPut(t, w.as("mona@example.com"), api.CollectionKind, "/campaigns/full", collection("/campaigns/full", "/finance/third"))
		v := objecttest.WantViolation(t, err, "/asset_ids/0")
		wantWords(t, v.Message, "full_access", "manage")
		// An editor of the project makes assets, and no collections (C024).
		w.Create(t, w.as(designer), api.AssetKind, doc{"path": "/campaigns/poster", "external_ref": "media:1"})
		_, err = w.TryCreate(t, w.as(designer), api.CollectionKind, collection("/campaigns/posters"))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = w.TryPut(t, w.as(designer), api.AssetKind, "/campaigns/poster", doc{"path": "/campaigns/poster", "external_ref": "media:1", "archived": true})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestAnAssetIsInABoundedNumberOfCollections(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asset("/finance/report", nil)
		for n := range 100 {
			w.sql(`INSERT INTO collection_asset (workspace_id, collection_path, asset_path) VALUES ($1, $2, $3)`, w.Workspace.ID, fmt.Sprintf("/campaigns/c-%d", n), "/finance/report")
		}
		_, err := w.TryCreate(t, w.Owner, api.CollectionKind, doc{"path": "/campaigns/reel", "asset_ids": []string{"/finance/report"}})
		v := objecttest.WantViolation(t, err, "/asset_ids/0")
		wantWords(t, v.Message, "100 collections already", "take it out")
		w.wantLevel("member:"+nobody, "/finance/report", "none")
	})
}

func TestAnAssetUnderLegalHoldStays(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		w.asset("/finance/report", doc{"legal_hold": true})
		p := objecttest.WantProblem(t, w.remove(w.Owner, api.AssetKind, "/finance/report"), api.CodeConflict)
		wantWords(t, p.Detail, "under legal hold", "legal_hold = false")
		p = objecttest.WantProblem(t, w.remove(w.Owner, api.FolderKind, "/finance"), api.CodeReferenced)
		wantWords(t, p.Detail, "asset /finance/report")
		// Managers archive and share it, and cannot release it.
		w.grant("member:"+nobody, "/finance", "full_access")
		_, err := w.TryPut(t, w.as(nobody), api.AssetKind, "/finance/report", doc{"path": "/finance/report"})
		objecttest.WantViolation(t, err, "/legal_hold")
		w.Put(t, w.as(nobody), api.AssetKind, "/finance/report", doc{"path": "/finance/report", "legal_hold": true, "archived": true})
		w.wantAllowed("member:"+nobody, "/finance/report", false, "asset.update", "comment.create", "item.update")
		w.wantAllowed("member:"+nobody, "/finance/report", true, "asset.read", "asset.download", "item.settings", "grant.delete")
		w.Put(t, w.Admin, api.AssetKind, "/finance/report", doc{"path": "/finance/report", "archived": true})
		w.Delete(t, w.as(nobody), api.AssetKind, "/finance/report")
	})
}

// An asset that goes leaves its collections, and access does not come back with the
// next asset of the same path.
func TestAnUnregisteredAssetLeavesItsCollections(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.grant(who, "/campaigns/reel", "view")
		before := w.Get(t, w.Admin, api.CollectionKind, "/campaigns/reel").(*api.Collection)
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		after := w.Get(t, w.Admin, api.CollectionKind, "/campaigns/reel").(*api.Collection)
		if diff := cmp.Diff([]string{"/campaigns/spring/teaser"}, after.AssetIDs); diff != "" {
			t.Errorf("what the collection shows (-want +got):\n%s", diff)
		}
		if after.ETag == before.ETag {
			t.Error("the ETag of a changed collection is the same")
		}
		w.asset("/finance/report", nil)
		w.wantLevel(who, "/finance/report", "none")
		w.wantLevel(who, "/campaigns/spring/teaser", "view")
		w.wantEffects(api.CollectionKind, audit.EffectWidened, audit.EffectNarrowed)
		// The other way round nothing but references goes.
		w.Delete(t, w.Owner, api.CollectionKind, "/campaigns/reel")
		w.wantLevel(who, "/campaigns/spring/teaser", "none")
		if got := w.keys(w.Owner, api.AssetKind); len(got) != 3 {
			t.Errorf("assets after the collection went: %v", got)
		}
	})
}

func TestCollectionsAndAssetsSayWhereTheyAre(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		if got := w.Get(t, w.Admin, api.CollectionKind, "/campaigns/reel").(*api.Collection); got.Project != "/campaigns" {
			t.Errorf("project of the collection = %q", got.Project)
		}
		if got := w.Get(t, w.Admin, api.AssetKind, "/campaigns/spring/teaser").(*api.Asset); got.Project != "/campaigns" {
			t.Errorf("project of an asset two below it = %q", got.Project)
		}
		if got := w.Get(t, w.Admin, api.AssetKind, "/finance/report").(*api.Asset); got.Project != "" {
			t.Errorf("project of an asset outside of projects = %q", got.Project)
		}
		p := objecttest.WantProblem(t, w.remove(w.Admin, api.FolderKind, "/campaigns/spring"), api.CodeReferenced)
		wantWords(t, p.Detail, "asset /campaigns/spring/teaser")
	})
}

func TestCollectionsOfAnotherWorkspaceShowNothing(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		_, other := w.NewWorkspace(t, "globex", "gus@globex.example")
		w.Create(t, other, api.TeamKind, doc{"slug": "design", "name": "Design"})
		w.Create(t, other, api.ProjectKind, doc{"path": "/campaigns", "name": "C", "team": "design"})
		for _, kind := range []*api.Kind{api.AssetKind, api.CollectionKind} {
			if got := w.keys(other, kind); len(got) != 0 {
				t.Errorf("%s of another workspace: %v", kind.Plural, got)
			}
		}
		_, err := w.TryCreate(t, other, api.CollectionKind, doc{"path": "/campaigns/reel", "asset_ids": []string{"/finance/report"}})
		objecttest.WantViolation(t, err, "/asset_ids/0")
		mine := w.Get(t, w.Admin, api.AssetKind, "/finance/report").(*api.Asset)
		objecttest.WantProblem(t, w.remove(other, api.AssetKind, mine.ID), api.CodeNotFound)
		// The same paths there are other items: a reference of one is none of the other.
		w.Create(t, other, api.FolderKind, doc{"path": "/finance"})
		w.Create(t, other, api.AssetKind, doc{"path": "/finance/report"})
		w.Create(t, other, api.CollectionKind, doc{"path": "/campaigns/reel", "asset_ids": []string{"/finance/report"}})
		w.Delete(t, other, api.CollectionKind, "/campaigns/reel")
		w.wantLevel("member:"+designer, "/finance/report", "edit")
	})
}
