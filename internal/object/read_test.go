package object_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func TestObjectsOfAnotherWorkspaceDoNotExist(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, stranger := f.NewWorkspace(t, "beta", "bo@example.com")
		mine := f.Create(t, f.Admin, api.TeamKind, team("Design")).GetMeta()
		for _, ref := range []string{mine.ID, mine.Key} {
			_, err := f.Service.Get(ctx, stranger, api.TeamKind, ref)
			objecttest.WantProblem(t, err, api.CodeNotFound)
			err = f.Service.Delete(ctx, stranger, api.TeamKind, ref, object.WriteOptions{})
			objecttest.WantProblem(t, err, api.CodeNotFound)
		}
		_, err := f.TryPut(t, stranger, api.TeamKind, mine.ID, team("Theirs"))
		objecttest.WantProblem(t, err, api.CodeNotFound)
		// A reference across the border names nothing.
		f.Create(t, stranger, api.TeamKind, doc{"slug": "film", "name": "Film"})
		_, err = f.TryCreate(t, stranger, api.TeamMembershipKind, doc{"team": "design", "principal": "bo@example.com"})
		objecttest.WantViolation(t, err, "/team")
		_, err = f.TryCreate(t, stranger, api.TeamMembershipKind, doc{"team": "film", "principal": objecttest.MemberEmail})
		objecttest.WantViolation(t, err, "/principal")
		page, err := f.Service.List(ctx, stranger, api.TeamKind, nil, "", 10)
		if err != nil || len(page.Items) != 1 || page.Items[0].GetMeta().Key != "film" {
			t.Errorf("the stranger sees %v, %v", page.Items, err)
		}
		got, err := f.Service.BatchRead(ctx, stranger, []object.Ref{{Kind: "team", Ref: mine.ID}, {Kind: "team", Ref: "design"}, {Kind: "team", Ref: "film"}})
		if err != nil || got[0] != nil || got[1] != nil || got[2] == nil {
			t.Errorf("batch = %v, %v", got, err)
		}
		n, refused, err := f.Service.Claim(ctx, objecttest.Stack(stranger, "x"), []object.Claim{{Kind: "team", ID: mine.ID}}, false)
		if err != nil || n != 0 || len(refused) != 1 || refused[0].Reason != "it does not exist" {
			t.Errorf("claim = %d, %v, %v", n, refused, err)
		}
		// A caller whose workspace id is made up is nowhere.
		lost := *f.Owner
		lost.WorkspaceID = "ws_00000000000000000000000000"
		_, err = f.Service.Get(ctx, &lost, api.TeamKind, "design")
		objecttest.WantProblem(t, err, api.CodeNotFound)
	})
}

func TestOwnersOfTwoWorkspacesHoldNothingInTheOther(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, stranger := f.NewWorkspace(t, "beta", "bo@example.com")
		inside := *stranger
		inside.WorkspaceID = f.Workspace.ID // their credential, our workspace
		_, err := f.Service.Get(ctx, &inside, api.MemberKind, objecttest.MemberEmail)
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestListPagesFollowEachOtherWithoutGapsOrRepeats(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		var want []string
		for i := range 25 {
			slug := fmt.Sprintf("t%02d", i)
			d := doc{"slug": slug, "name": slug}
			if i >= 20 {
				d["parent"] = "t00"
			}
			f.Create(t, f.Admin, api.TeamKind, d)
			want = append(want, slug)
		}
		for _, limit := range []int{1, 7, 25, 100} {
			var got []string
			cursor, pages := "", 0
			for {
				page, err := f.Service.List(ctx, f.Member, api.TeamKind, nil, cursor, limit)
				if err != nil {
					t.Fatal(err)
				}
				pages++
				for _, o := range page.Items {
					got = append(got, o.GetMeta().Key)
				}
				if cursor = page.NextCursor; cursor == "" {
					break
				}
			}
			if diff := cmp.Diff(want, got); diff != "" || pages != (len(want)+limit-1)/limit {
				t.Errorf("limit %d: %d pages, %s", limit, pages, diff)
			}
		}
		page, err := f.Service.List(ctx, f.Member, api.TeamKind, map[string]string{"parent": "T00"}, "", 100)
		if err != nil || len(page.Items) != 5 {
			t.Errorf("filtered = %d, %v; want 5", len(page.Items), err)
		}
	})
}

func TestBatchAnswersInOrderWithNilForWhatIsMissingOrHidden(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("Design"))
		refs := []object.Ref{{Kind: "team", Ref: "design"}, {Kind: "team", Ref: "nothing"}, {Kind: "audit_policy", Ref: ""}, {Kind: "member", Ref: "MIA@example.com"}, {Kind: "workspace", Ref: ""}}
		got, err := f.Service.BatchRead(ctx, f.Member, refs)
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		for _, o := range got {
			if o == nil {
				keys = append(keys, "-")
				continue
			}
			keys = append(keys, o.GetMeta().Key)
		}
		// Members may not read the audit policy.
		if diff := cmp.Diff([]string{"design", "-", "-", objecttest.MemberEmail, "acme"}, keys); diff != "" {
			t.Error(diff)
		}
		_, err = f.Service.BatchRead(ctx, f.Member, make([]object.Ref, api.MaxPageSize+1))
		objecttest.WantProblem(t, err, api.CodeTooLarge)
		_, err = f.Service.BatchRead(ctx, f.Member, []object.Ref{{Kind: "nonsense"}})
		objecttest.WantProblem(t, err, api.CodeMalformed)
	})
}

func TestPrivilegesChangedElsewhereCountOnTheNextRequest(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		// A second replica on the same database, with a memory of its own.
		other := object.New(f.DB, f.Service.Vault, f.Service.Log)
		if _, err := other.Create(ctx, f.Admin, api.TeamKind, objecttest.JSON(t, team("Design")), object.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
		f.Put(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "member"})
		_, err := other.Put(ctx, f.Admin, api.TeamKind, "", objecttest.JSON(t, team("Mine")), object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Put(t, f.Owner, api.MemberKind, "", doc{"email": objecttest.AdminEmail, "workspace_role": "admin"})
		if _, err := other.Put(ctx, f.Admin, api.TeamKind, "", objecttest.JSON(t, team("Mine")), object.WriteOptions{}); err != nil {
			t.Errorf("restored: %v", err)
		}
	})
}
