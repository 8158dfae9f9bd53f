package sharing_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// trash lists what a caller sees in the trash.
func (w *world) trash(by *object.Caller) []api.Trashed {
	w.t.Helper()
	var out []api.Trashed
	err := w.Service.View(context.Background(), by, func(s *object.Scope) error {
		page, err := sharing.Trash(context.Background(), s, "", "", 0)
		out = page.Items
		return err
	})
	if err != nil {
		w.t.Fatalf("reading the trash: %v", err)
	}
	return out
}

// trashedAt is the id of the one item in the trash that was at a path.
func (w *world) trashedAt(path string) string {
	w.t.Helper()
	var ids []string
	for _, e := range w.trash(w.Owner) {
		if e.Path == path {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) != 1 {
		w.t.Fatalf("%d items in the trash were at %s, want one", len(ids), path)
	}
	return ids[0]
}

func (w *world) restore(by *object.Caller, id string) (*api.Restored, error) {
	var out *api.Restored
	err := w.Service.Do(context.Background(), by, func(s *object.Scope) (err error) {
		out, err = sharing.Restore(context.Background(), s, id)
		return err
	})
	return out, err
}

func (w *world) mustRestore(path string, leftOut ...string) *api.Restored {
	w.t.Helper()
	out, err := w.restore(w.Owner, w.trashedAt(path))
	if err != nil {
		w.t.Fatalf("restoring %s: %v", path, err)
	}
	var left []string
	for _, l := range out.LeftOut {
		left = append(left, l.Kind+" "+l.Key)
	}
	if diff := cmp.Diff(leftOut, left); diff != "" {
		w.t.Errorf("left out with %s (-want +got):\n%s", path, diff)
	}
	return out
}

func (w *world) purge(by *object.Caller, id string) error {
	return w.Service.Do(context.Background(), by, func(s *object.Scope) error {
		return sharing.Purge(context.Background(), s, id)
	})
}

func (w *world) hold(by *object.Caller, id string, hold bool) error {
	return w.Service.Do(context.Background(), by, func(s *object.Scope) error {
		_, err := sharing.HoldTrashed(context.Background(), s, id, hold)
		return err
	})
}

func (w *world) emptyTrash() int {
	w.t.Helper()
	n, err := sharing.PurgeTrash(context.Background(), w.Service)
	if err != nil {
		w.t.Fatalf("emptying the trash: %v", err)
	}
	return n
}

// rows counts what is left of the trash in the database.
func (w *world) rows(table string) (n int) {
	w.t.Helper()
	err := w.Service.View(context.Background(), object.System(w.Workspace.ID), func(s *object.Scope) error {
		return s.Tx.QueryRowContext(context.Background(), `SELECT COUNT(*) FROM `+table+` WHERE workspace_id = $1`, w.Workspace.ID).Scan(&n)
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// C087: what is deleted is gone from every question at once, and comes back whole.
func TestADeletedItemComesBackFromTheTrashAsItWas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		before := w.Create(t, objecttest.Stack(w.Admin, "prod"), api.FolderKind, doc{"path": "/finance/deal", "name": "The deal", "inheritance": "restricted"}).(*api.Folder)
		w.Put(t, w.Admin, api.AccessGrantsKind, "/finance/deal", doc{"resource": "/finance/deal", "grants": doc{who: "edit", "team:film": "view"}})
		w.Create(t, w.Admin, api.RoleAssignmentKind, doc{"role": "commenter", "principal": "member:" + designer, "scope": "/finance/deal"})
		grant := w.Get(t, w.Admin, api.AccessGrantKind, who+"@/finance/deal").(*api.AccessGrant)
		w.Delete(t, objecttest.Stack(w.Admin, "prod"), api.FolderKind, "/finance/deal")

		w.wantLevel(who, "/finance/deal", "none")
		w.wantLevel("member:"+designer, "/finance/deal", "none")
		if _, err := w.Service.Get(t.Context(), w.Owner, api.FolderKind, "/finance/deal"); err == nil {
			t.Error("the folder can still be read")
		}
		if got := w.keys(w.Owner, api.AccessGrantKind); len(got) != 0 {
			t.Errorf("grants left: %v", got)
		}
		listed := w.trash(w.Owner)
		if len(listed) != 1 {
			t.Fatalf("trash = %+v, want the folder", listed)
		}
		got := listed[0]
		if got.PurgeAt.Sub(got.TrashedAt) != 30*24*time.Hour {
			t.Errorf("purged after %s, want 30 days", got.PurgeAt.Sub(got.TrashedAt))
		}
		got.TrashedAt, got.PurgeAt = time.Time{}, time.Time{}
		want := api.Trashed{ID: before.ID, Kind: "folder", Path: "/finance/deal", Name: "The deal", TrashedBy: "member:" + objecttest.AdminEmail, Grants: 3}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("in the trash (-want +got):\n%s", diff)
		}

		w.mustRestore("/finance/deal")
		after := w.Get(t, w.Owner, api.FolderKind, "/finance/deal").(*api.Folder)
		if after.ID != before.ID || after.ETag == before.ETag || after.Name != before.Name || after.Inheritance != before.Inheritance {
			t.Errorf("came back as %+v, was %+v", after, before)
		}
		// Terraform let go of it when it destroyed it.
		if after.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("managed by %+v", after.ManagedBy)
		}
		w.wantLevel(who, "/finance/deal", "edit")
		w.wantLevel("member:"+designer, "/finance/deal", "comment")
		if again := w.Get(t, w.Admin, api.AccessGrantKind, who+"@/finance/deal").(*api.AccessGrant); again.ID != grant.ID {
			t.Errorf("the grant came back as %s, was %s", again.ID, grant.ID)
		}
		if set := w.Get(t, w.Admin, api.AccessGrantsKind, "/finance/deal").(*api.AccessGrants); len(set.Grants) != 2 {
			t.Errorf("grants of the folder = %v", set.Grants)
		}
		if w.rows("trash") != 0 || w.rows("trash_row") != 0 {
			t.Error("something stayed in the trash")
		}
		var actions []string
		for _, e := range w.Events(t, audit.Filter{TargetID: before.ID}) {
			actions = append(actions, e.Action+" "+string(e.Effect))
		}
		if diff := cmp.Diff([]string{"folder.created neutral", "folder.trashed narrowed", "folder.restored widened"}, actions); diff != "" {
			t.Errorf("audited (-want +got):\n%s", diff)
		}
		if n := len(w.Events(t, audit.Filter{Action: "access_grant.restored"})); n != 2 {
			t.Errorf("%d restored grants in the audit log, want 2", n)
		}
	})
}

func TestAnItemComesBackOnlyToItsPlace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Delete(t, w.Admin, api.FolderKind, "/finance/quarterly")
		w.Delete(t, w.Admin, api.FolderKind, "/finance")
		below, above := w.trashedAt("/finance/quarterly"), w.trashedAt("/finance")
		_, err := w.restore(w.Owner, below)
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Detail, "lay in /finance", "Restore or create /finance first")

		// The path is free for another item, which the old one does not push out.
		w.Create(t, w.as(designer), api.ProjectKind, doc{"path": "/finance", "name": "Mine", "team": "design"})
		_, err = w.restore(w.Owner, above)
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Detail, "a project at /finance now", "Delete the newer one first")

		// Whoever owns what is there now gets nothing of what was there before.
		if got := w.trash(w.as(designer)); len(got) != 0 {
			t.Errorf("the owner of the new item sees the old one: %+v", got)
		}
		_, err = w.restore(w.as(designer), below)
		objecttest.WantProblem(t, err, api.CodeNotFound)
		w.Delete(t, w.as(designer), api.ProjectKind, "/finance")
		if _, err := w.restore(w.Owner, above); err != nil {
			t.Fatal(err)
		}
		w.mustRestore("/finance/quarterly")
		w.mustRestoreNothing(below)
	})
}

func (w *world) mustRestoreNothing(id string) {
	w.t.Helper()
	_, err := w.restore(w.Owner, id)
	objecttest.WantProblem(w.t, err, api.CodeNotFound)
}

func TestWhoMayRestore(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.AddMember(t, w.Owner, "fred@example.com", "member")
		w.grant("member:fred@example.com", "/finance", "full_access")
		w.grant("member:"+nobody, "/finance", "manage")
		w.grant("member:"+designer, "/finance/quarterly", "full_access")
		w.Delete(t, w.Admin, api.FolderKind, "/finance/quarterly")
		id := w.trashedAt("/finance/quarterly")
		for _, by := range []*object.Caller{w.as(nobody), w.as(designer), w.as(guest), w.Member} {
			if got := w.trash(by); len(got) != 0 {
				t.Errorf("%s sees %+v", by.Key, got)
			}
			_, err := w.restore(by, id)
			objecttest.WantProblem(t, err, api.CodeNotFound)
			objecttest.WantProblem(t, w.purge(by, id), api.CodeNotFound)
			objecttest.WantProblem(t, w.hold(by, id, true), api.CodeNotFound)
		}
		fred := w.as("fred@example.com")
		if got := w.trash(fred); len(got) != 1 {
			t.Errorf("who has full access above sees %+v", got)
		}
		wantWords(t, objecttest.WantProblem(t, w.purge(fred, id), api.CodeForbidden).Detail, "owner or an admin")
		objecttest.WantProblem(t, w.hold(fred, id, true), api.CodeForbidden)
		if _, err := w.restore(fred, id); err != nil {
			t.Fatal(err)
		}
		w.wantLevel("member:"+designer, "/finance/quarterly", "full_access")

		// Suspended people and other workspaces learn nothing.
		w.Delete(t, w.Admin, api.FolderKind, "/finance/quarterly")
		w.Put(t, w.Owner, api.MemberKind, "fred@example.com", doc{"email": "fred@example.com", "active": false})
		_, err := w.restore(fred, id)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, other := w.NewWorkspace(t, "globex", "gus@globex.example")
		_, err = w.restore(other, id)
		objecttest.WantProblem(t, err, api.CodeNotFound)
		objecttest.WantProblem(t, w.purge(other, id), api.CodeNotFound)
	})
}

// What could not be given today does not come back.
func TestGrantsOfThoseWhoWentStayInTheTrash(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone"})
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "short", "name": "Short-lived"})
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "reader", "statements": []any{statement("allow", []string{"asset.read"}, "/finance")}})
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Create(t, w.Admin, api.FolderKind, doc{"path": "/deal"})
		for _, principal := range []string{"member:sam@example.com", "team:short", "email:eve@partner.example", "member:" + nobody} {
			w.grant(principal, "/deal", "view")
		}
		w.Put(t, w.Admin, api.AccessGrantKind, "", doc{"resource": "/deal", "principal": "team:film", "role": "reader"})
		w.Delete(t, w.Admin, api.FolderKind, "/deal")

		w.Delete(t, w.Owner, api.MemberKind, "sam@example.com")
		w.Delete(t, w.Owner, api.TeamKind, "short")
		w.Delete(t, w.Owner, api.RoleKind, "reader")
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "disabled"})
		out := w.mustRestore("/deal", "access_grant email:eve@partner.example@/deal", "access_grant member:sam@example.com@/deal", "access_grant team:film@/deal", "access_grant team:short@/deal")
		if len(out.LeftOut) == 4 {
			for i, words := range []string{"external_sharing", "suspended", "role", "no team"} {
				wantWords(t, out.LeftOut[i].Reason, words)
			}
		}
		w.wantLevel("member:"+nobody, "/deal", "view")
		w.Put(t, w.Owner, api.MemberKind, "sam@example.com", doc{"email": "sam@example.com", "active": true})
		w.wantLevel("member:sam@example.com", "/deal", "none")
	})
}

func TestAProjectComesBackToATeamAndAnOwnerWhoAreHere(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "short", "name": "Short-lived"})
		w.AddMember(t, w.Owner, "sam@example.com", "member")
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/summer", "name": "Summer", "team": "short", "owner": "sam@example.com"})
		w.Delete(t, w.as("sam@example.com"), api.ProjectKind, "/summer")
		if got := w.trash(w.as("sam@example.com")); len(got) != 1 {
			t.Errorf("the owner of a project sees %+v in the trash", got)
		}
		w.Delete(t, w.Owner, api.MemberKind, "sam@example.com")
		w.Delete(t, w.Owner, api.TeamKind, "short")
		_, err := w.restore(w.Owner, w.trashedAt("/summer"))
		wantWords(t, objecttest.WantProblem(t, err, api.CodeConflict).Detail, `team "short"`, "Create the team first")
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "short", "name": "Back"})
		w.mustRestore("/summer")
		if p := w.Get(t, w.Owner, api.ProjectKind, "/summer").(*api.Project); p.Owner != objecttest.OwnerEmail {
			t.Errorf("owner = %q, want the workspace's", p.Owner)
		}
	})
}

// C031: references come back between the same items, never to others of the same path.
func TestReferencesComeBackBetweenTheSameItems(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		who := "member:" + nobody
		w.grant(who, "/campaigns/reel", "view")
		shows := func(want ...string) {
			t.Helper()
			if got := w.Get(t, w.Admin, api.CollectionKind, "/campaigns/reel").(*api.Collection); !slices.Equal(got.AssetIDs, want) {
				t.Errorf("the collection shows %v, want %v", got.AssetIDs, want)
			}
		}
		before := w.Get(t, w.Admin, api.CollectionKind, "/campaigns/reel").(*api.Collection).AssetIDs
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		w.mustRestore("/finance/report")
		shows(before...)
		w.wantLevel(who, "/finance/report", "view")

		// The collection goes and comes; meanwhile one asset became another one.
		w.Delete(t, w.Owner, api.CollectionKind, "/campaigns/reel")
		w.wantLevel(who, "/finance/report", "none")
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		w.asset("/finance/report", nil)
		w.mustRestore("/campaigns/reel", "asset /finance/report")
		shows("/campaigns/spring/teaser")
		w.wantLevel(who, "/finance/report", "none")
		w.wantLevel(who, "/campaigns/spring/teaser", "view")

		// An asset does not come back into another collection of the same path.
		w.Delete(t, w.Owner, api.AssetKind, "/campaigns/spring/teaser")
		w.Delete(t, w.Owner, api.CollectionKind, "/campaigns/reel")
		w.reel("/campaigns/reel")
		w.mustRestore("/campaigns/spring/teaser", "collection /campaigns/reel")
		shows()
	})
}

func TestTheTrashIsEmptiedByItsClock(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.RetentionPolicyKind, "", doc{"trash_days": 20})
		w.asset("/finance/report", nil)
		w.asset("/finance/other", nil)
		w.grant("member:"+nobody, "/finance/report", "view")
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		w.Delete(t, w.Owner, api.AssetKind, "/finance/other")
		held := w.trashedAt("/finance/other")
		if err := w.hold(w.Admin, held, true); err != nil {
			t.Fatal(err)
		}
		w.Advance(19 * 24 * time.Hour)
		if n := w.emptyTrash(); n != 0 {
			t.Errorf("%d items were purged a day too early", n)
		}
		w.Delete(t, w.Owner, api.FolderKind, "/finance/quarterly")
		w.Advance(25 * time.Hour)
		if n := w.emptyTrash(); n != 1 {
			t.Errorf("%d items were purged, want the one that is due and not held", n)
		}
		if got := w.trash(w.Owner); len(got) != 2 || got[0].ID != held || !got[0].LegalHold {
			t.Errorf("left in the trash: %+v", got)
		}
		wantWords(t, objecttest.WantProblem(t, w.purge(w.Owner, held), api.CodeConflict).Detail, "legal hold", "Release it first")
		if err := w.hold(w.Admin, held, false); err != nil {
			t.Fatal(err)
		}
		if err := w.purge(w.Admin, held); err != nil {
			t.Fatal(err)
		}
		objecttest.WantProblem(t, w.purge(w.Admin, held), api.CodeNotFound)
		var actions []string
		for _, e := range w.Events(t, audit.Filter{TargetID: held}) {
			actions = append(actions, e.Action)
			if e.Action == "asset.purged" && (len(e.Before) > 0 || len(e.After) > 0) {
				t.Errorf("the purge keeps the document: %s%s", e.Before, e.After)
			}
		}
		if diff := cmp.Diff([]string{"asset.created", "asset.trashed", "asset.held", "asset.hold_released", "asset.purged"}, actions); diff != "" {
			t.Errorf("audited (-want +got):\n%s", diff)
		}
		w.Advance(30 * 24 * time.Hour)
		w.emptyTrash()
		if w.rows("trash") != 0 || w.rows("trash_row") != 0 {
			t.Error("the trash is not empty")
		}
	})
}

// A hold that is put on in the trash stays on the asset.
func TestAHeldAssetComesBackUnderLegalHold(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asset("/finance/report", nil)
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		if err := w.hold(w.Owner, w.trashedAt("/finance/report"), true); err != nil {
			t.Fatal(err)
		}
		w.mustRestore("/finance/report")
		objecttest.WantProblem(t, w.remove(w.Owner, api.AssetKind, "/finance/report"), api.CodeConflict)
	})
}

// Of a restoration, a purge by hand and the clock at the same moment, one happens.
func TestRestoringAndPurgingAtOnceHappensOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asset("/finance/report", nil)
		w.Delete(t, w.Owner, api.AssetKind, "/finance/report")
		id := w.trashedAt("/finance/report")
		w.Advance(31 * 24 * time.Hour)
		var wg sync.WaitGroup
		results := make([]error, 6)
		for i := range results {
			wg.Go(func() {
				switch i % 3 {
				case 0:
					_, results[i] = w.restore(w.Owner, id)
				case 1:
					results[i] = w.purge(w.Admin, id)
				default:
					n, err := sharing.PurgeTrash(context.Background(), w.Service)
					if results[i] = err; n == 0 && err == nil {
						results[i] = api.NewProblem(api.CodeNotFound, "nothing was due")
					}
				}
			})
		}
		wg.Wait()
		happened := 0
		for _, err := range results {
			var p *api.Problem
			switch {
			case err == nil:
				happened++
			case !errors.As(err, &p) || p.Code() != api.CodeNotFound:
				t.Errorf("unexpected: %v", err)
			}
		}
		if happened != 1 {
			t.Errorf("%d of them happened, want one", happened)
		}
		ends := len(w.Events(t, audit.Filter{Action: "asset.restored"})) + len(w.Events(t, audit.Filter{Action: "asset.purged"}))
		if ends != 1 || w.rows("trash") != 0 || w.rows("trash_row") != 0 {
			t.Errorf("%d ends in the audit log; %d and %d rows left", ends, w.rows("trash"), w.rows("trash_row"))
		}
	})
}

func TestTheTrashIsPaged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var want []string
		for _, name := range []string{"a", "b", "c", "d", "e"} {
			path := "/finance/" + name
			w.asset(path, nil)
			w.Delete(t, w.Owner, api.AssetKind, path)
			w.Advance(time.Minute)
			want = append(want, path)
		}
		var got []string
		cursor := ""
		for pages := 0; pages == 0 || cursor != ""; pages++ {
			err := w.Service.View(t.Context(), w.Owner, func(s *object.Scope) error {
				page, err := sharing.Trash(t.Context(), s, "", cursor, 2)
				for _, e := range page.Items {
					got = append(got, e.Path)
				}
				cursor = page.NextCursor
				return err
			})
			if err != nil || pages > 3 {
				t.Fatalf("page %d: %v", pages, err)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("pages of the trash (-want +got):\n%s", diff)
		}
		err := w.Service.View(t.Context(), w.Owner, func(s *object.Scope) error {
			_, err := sharing.Trash(t.Context(), s, "", "nonsense", 2)
			return err
		})
		objecttest.WantProblem(t, err, api.CodeMalformed)
	})
}
