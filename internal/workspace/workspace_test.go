package workspace_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

type doc = map[string]any

var ctx = context.Background()

func acme(more doc) doc {
	d := doc{"slug": "acme", "name": "Acme"}
	for k, v := range more {
		d[k] = v
	}
	return d
}

func TestOnlyOperatorsMakeWorkspaces(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := workspace.Create(ctx, f.Service, f.Owner, workspace.Spec{Slug: "mine", Name: "Mine", Owner: "me@example.com"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = workspace.Create(ctx, f.Service, f.Operator, workspace.Spec{Slug: "acme", Name: "Again", Owner: "me@example.com"})
		objecttest.WantProblem(t, err, api.CodeConflict)
		for path, spec := range map[string]workspace.Spec{
			"/slug":         {Slug: "Not A Slug", Name: "X", Owner: "me@example.com"},
			"/name":         {Slug: "x", Owner: "me@example.com"},
			"/owner":        {Slug: "x", Name: "X", Owner: "nobody"},
			"/closure_days": {Slug: "x", Name: "X", Owner: "me@example.com", ClosureDays: 31},
			"/min_admins":   {Slug: "x", Name: "X", Owner: "me@example.com", MinAdmins: 2},
		} {
			_, err := workspace.Create(ctx, f.Service, f.Operator, spec)
			objecttest.WantViolation(t, err, path)
		}
		w, err := workspace.Create(ctx, f.Service, f.Operator, workspace.Spec{Slug: "Beta", Name: "Beta", Owner: "Bo@Example.com", OwnerName: "Bo"})
		if err != nil {
			t.Fatal(err)
		}
		if w.Slug != "beta" || w.Plan != "enterprise" || !w.DeletionProtection || w.State != workspace.StateActive || w.ManagedBy.Kind != api.ManagedBySystem {
			t.Errorf("workspace = %+v", w)
		}
		var got []string
		for _, e := range f.Events(t, audit.Filter{Workspace: w.ID}) {
			got = append(got, e.Action+" by "+e.Actor.Kind)
		}
		if diff := cmp.Diff([]string{"workspace.created by operator", "member.created by operator"}, got); diff != "" {
			t.Errorf("audit: %s", diff)
		}
	})
}

func TestLookupAndListFindWorkspaces(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		other, stranger := f.NewWorkspace(t, "beta", "bo@example.com")
		for _, ref := range []string{"acme", "ACME", f.Workspace.ID} {
			id, slug, err := workspace.Lookup(ctx, f.DB, ref)
			if err != nil || id != f.Workspace.ID || slug != "acme" {
				t.Errorf("Lookup(%q) = %q, %q, %v", ref, id, slug, err)
			}
		}
		_, _, err := workspace.Lookup(ctx, f.DB, "nowhere")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		for want, c := range map[string]*object.Caller{"acme beta": f.Operator, "acme": f.Member, "beta": stranger} {
			list, err := workspace.List(ctx, f.Service, c)
			if err != nil {
				t.Fatal(err)
			}
			var slugs []string
			for _, w := range list {
				slugs = append(slugs, w.Key)
			}
			if got := strings.Join(slugs, " "); got != want {
				t.Errorf("%s sees %q, want %q", c.Principal(), got, want)
			}
		}
		if other.ID == f.Workspace.ID {
			t.Error("two workspaces share an id")
		}
	})
}

func TestSlugOfAWorkspaceIsFixed(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryPut(t, f.Owner, api.WorkspaceKind, "", doc{"slug": "other", "name": "Acme"})
		if v := objecttest.WantViolation(t, err, "/slug"); v.Code != api.ViolationImmutable {
			t.Errorf("violation = %+v", v)
		}
		_, err = f.TryPut(t, f.Member, api.WorkspaceKind, "", acme(nil))
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestMinAdminsCannotExceedTheAdministrators(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryPut(t, f.Owner, api.WorkspaceKind, "", acme(doc{"min_admins": 3}))
		objecttest.WantProblem(t, err, api.CodeLockout)
		objecttest.WantViolation(t, err, "/min_admins")
		f.Put(t, f.Owner, api.WorkspaceKind, "", acme(doc{"min_admins": 2}))
	})
}

func TestClosingAWorkspaceStartsAClockThatTheOwnerCanStop(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		closing := func(c *object.Caller) error {
			return f.Service.Delete(ctx, c, api.WorkspaceKind, "", object.WriteOptions{})
		}
		objecttest.WantProblem(t, closing(f.Owner), api.CodeConflict)
		f.Put(t, f.Owner, api.WorkspaceKind, "", acme(doc{"deletion_protection": false, "closure_days": 14}))
		objecttest.WantProblem(t, closing(f.Admin), api.CodeForbidden)
		if err := closing(f.Owner); err != nil {
			t.Fatal(err)
		}
		w := f.Get(t, f.Member, api.WorkspaceKind, "").(*api.Workspace)
		if w.State != workspace.StateClosing || w.ClosesAt == nil || time.Until(*w.ClosesAt).Round(time.Hour) != 14*24*time.Hour {
			t.Errorf("state %q, closes at %v; want closing in 14 days", w.State, w.ClosesAt)
		}
		var warned bool
		for _, e := range f.Events(t, audit.Filter{Action: "workspace.closure_warned"}) {
			warned = warned || slices.ContainsFunc(e.Reasons, func(r string) bool { return strings.Contains(r, "never exported") })
		}
		if !warned {
			t.Error("nothing says that the data was never exported")
		}
		_, err := f.TryPut(t, f.Admin, api.WorkspaceKind, "", acme(doc{"deletion_protection": true}))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// Closing again does not move the clock.
		f.Advance(24 * time.Hour)
		if err := closing(f.Owner); err != nil {
			t.Fatal(err)
		}
		if again := f.Get(t, f.Member, api.WorkspaceKind, "").(*api.Workspace); !again.ClosesAt.Equal(*w.ClosesAt) {
			t.Errorf("closing again moved the clock from %v to %v", w.ClosesAt, again.ClosesAt)
		}
		back := f.Put(t, f.Owner, api.WorkspaceKind, "", acme(doc{"deletion_protection": true})).(*api.Workspace)
		if back.State != workspace.StateActive || back.ClosesAt != nil {
			t.Errorf("after stopping the clock: %+v", back)
		}
	})
}

func TestRecentExportSilencesTheClosureWarning(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		before := f.Put(t, objecttest.Stack(f.Owner, "root"), api.WorkspaceKind, "", acme(doc{"name": "Acme Studios"})).GetMeta()
		_, err := workspace.RecordExport(ctx, f.Service, f.Member)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		got, err := workspace.RecordExport(ctx, f.Service, objecttest.Stack(f.Admin, "another"))
		if err != nil {
			t.Fatal(err)
		}
		if got.LastExportAt == nil || got.ManagedBy.Stack != "root" || got.ETag == before.ETag {
			t.Errorf("recorded: %+v by %+v", got, got.ManagedBy)
		}
		w := f.Get(t, f.Owner, api.WorkspaceKind, "").(*api.Workspace)
		if got := w.ClosureWarning(time.Now()); got != "" {
			t.Errorf("warning %q after an export today", got)
		}
		if got := w.ClosureWarning(time.Now().Add(10 * 24 * time.Hour)); !strings.Contains(got, "10 days ago") {
			t.Errorf("warning %q ten days later", got)
		}
	})
}

func TestDataOfAClosedWorkspaceIsDeletedWhenItsClockRunsOut(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.NewWorkspace(t, "beta", "bo@example.com")
		f.Put(t, f.Owner, api.WorkspaceKind, "", acme(doc{"deletion_protection": false, "closure_days": 1}))
		f.Delete(t, f.Owner, api.WorkspaceKind, "")
		purged, err := workspace.PurgeClosed(ctx, f.Service)
		if err != nil || len(purged) != 0 {
			t.Fatalf("before the clock ran out: purged %v, %v", purged, err)
		}
		f.Advance(25 * time.Hour)
		if purged, err = workspace.PurgeClosed(ctx, f.Service); err != nil || len(purged) != 1 || purged[0] != f.Workspace.ID {
			t.Fatalf("purged %v, %v; want %s", purged, err, f.Workspace.ID)
		}
		_, _, err = workspace.Lookup(ctx, f.DB, "acme")
		objecttest.WantProblem(t, err, api.CodeNotFound)
		_, err = f.Service.Get(ctx, f.Owner, api.MemberKind, objecttest.OwnerEmail)
		objecttest.WantProblem(t, err, api.CodeNotFound)
		dump := objecttest.Dump(t, f.DB)
		for table, rows := range dump {
			for _, row := range rows {
				if strings.Contains(row, f.Workspace.ID) && !strings.HasPrefix(table, "audit_") {
					t.Errorf("%s still holds %s", table, row)
				}
				if strings.Contains(row, objecttest.MemberEmail) {
					t.Errorf("%s still knows a person: %s", table, row)
				}
			}
		}
		if list, err := workspace.List(ctx, f.Service, f.Operator); err != nil || len(list) != 1 || list[0].Slug != "beta" {
			t.Errorf("left = %v, %v; want beta alone", list, err)
		}
	})
}
