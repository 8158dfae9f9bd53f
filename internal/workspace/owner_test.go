package workspace_test

import (
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

func ownerOf(t *testing.T, f *objecttest.Fixture) *api.WorkspaceOwner {
	t.Helper()
	return f.Get(t, f.Member, api.WorkspaceOwnerKind, "").(*api.WorkspaceOwner)
}

// roles checks who is the owner, and that nobody else is.
func wantOwner(t *testing.T, f *objecttest.Fixture, email string) {
	t.Helper()
	page, err := f.Service.List(ctx, f.Member, api.MemberKind, map[string]string{"workspace_role": "owner"}, "", 10)
	if err != nil {
		t.Fatal(err)
	}
	if len(page.Items) != 1 || page.Items[0].GetMeta().Key != email {
		t.Errorf("owners = %v, want %s alone", page.Items, email)
	}
	if o := ownerOf(t, f); o.CurrentOwner != email {
		t.Errorf("current_owner = %q, want %q", o.CurrentOwner, email)
	}
}

func TestOwnershipMovesOnlyWhenTheOfferIsAccepted(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		if o := ownerOf(t, f); o.Principal != objecttest.OwnerEmail || o.ManagedBy.Kind != api.ManagedBySystem || o.PendingPrincipal != "" {
			t.Errorf("before any declaration: %+v", o)
		}
		tf := objecttest.Stack(f.Owner, "root")
		wrote := f.Put(t, tf, api.WorkspaceOwnerKind, "", doc{"principal": "Mia@example.com"}).(*api.WorkspaceOwner)
		read := ownerOf(t, f)
		for _, o := range []*api.WorkspaceOwner{wrote, read} {
			if o.Principal != objecttest.MemberEmail || o.PendingPrincipal != objecttest.MemberEmail || o.CurrentOwner != objecttest.OwnerEmail || o.PendingUntil == nil {
				t.Errorf("offered = %+v", o)
			}
		}
		wantOwner(t, f, objecttest.OwnerEmail)
		_, err := workspace.Accept(ctx, f.Service, f.Admin)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if _, err := workspace.Accept(ctx, f.Service, f.Member); err != nil {
			t.Fatal(err)
		}
		wantOwner(t, f, objecttest.MemberEmail)
		if m := f.Get(t, f.Member, api.MemberKind, objecttest.OwnerEmail).(*api.Member); m.WorkspaceRole != "admin" || !m.Active {
			t.Errorf("the owner of before = %+v, want an admin", m)
		}
		o := ownerOf(t, f)
		if o.PendingPrincipal != "" || o.ManagedBy.Kind != api.ManagedByTerraform || o.ManagedBy.Stack != "root" {
			t.Errorf("accepted = %+v, want no offer and the stack's ownership kept", o)
		}
		_, err = workspace.Accept(ctx, f.Service, f.Member)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		// The old owner may not take it back alone.
		_, err = f.TryPut(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.OwnerEmail, "require_acceptance": false})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if len(f.Events(t, audit.Filter{Action: "workspace_owner.transferred"})) != 1 {
			t.Error("the transfer is not in the audit log")
		}
	})
}

func TestOfferOfOwnershipEndsAfterSevenDaysOrWhenWithdrawn(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.MemberEmail})
		f.Advance(7*24*time.Hour + time.Minute)
		if o := ownerOf(t, f); o.Principal != objecttest.OwnerEmail || o.PendingPrincipal != "" {
			t.Errorf("after seven days: %+v", o)
		}
		_, err := workspace.Accept(ctx, f.Service, f.Member)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Put(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.MemberEmail})
		if o := ownerOf(t, f); o.PendingPrincipal != objecttest.MemberEmail {
			t.Errorf("offered again: %+v", o)
		}
		f.Put(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.OwnerEmail})
		_, err = workspace.Accept(ctx, f.Service, f.Member)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		wantOwner(t, f, objecttest.OwnerEmail)
	})
}

func TestOwnershipMovesAtOnceWithoutAcceptance(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryPut(t, f.Admin, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.AdminEmail, "require_acceptance": false})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Put(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.AdminEmail, "require_acceptance": false})
		wantOwner(t, f, objecttest.AdminEmail)
	})
}

func TestGuestsSuspendedAndUnknownPeopleCannotOwn(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
			return s.SaveDerived(ctx, api.MemberKind, object.How{}, &api.Member{Email: "gus@example.com", WorkspaceRole: "guest", Active: true})
		})
		if err != nil {
			t.Fatal(err)
		}
		f.AddMember(t, f.Owner, "gone@example.com", "admin")
		f.Delete(t, f.Owner, api.MemberKind, "gone@example.com")
		for _, email := range []string{"gus@example.com", "gone@example.com", "nobody@example.com"} {
			_, err := f.TryPut(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": email, "require_acceptance": false})
			objecttest.WantViolation(t, err, "/principal")
		}
		// Suspended between the offer and the acceptance.
		f.Put(t, f.Owner, api.WorkspaceOwnerKind, "", doc{"principal": objecttest.MemberEmail})
		f.Delete(t, f.Owner, api.MemberKind, objecttest.MemberEmail)
		_, err = workspace.Accept(ctx, f.Service, f.Member)
		objecttest.WantProblem(t, err, api.CodeConflict)
		wantOwnerAs(t, f, f.Owner, objecttest.OwnerEmail)
	})
}

func wantOwnerAs(t *testing.T, f *objecttest.Fixture, c *object.Caller, email string) {
	t.Helper()
	o := f.Get(t, c, api.WorkspaceOwnerKind, "").(*api.WorkspaceOwner)
	if o.CurrentOwner != email {
		t.Errorf("current_owner = %q, want %q", o.CurrentOwner, email)
	}
}
