package object_test

import (
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing" // items and grants
)

func claimOf(kind *api.Kind, o api.Object) object.Claim {
	return object.Claim{Kind: kind.Name, ID: o.GetMeta().ID}
}

// What was imported at its default was never written, so there is no row to stamp.
func TestClaimDeclaresWhatWasImportedAtItsDefault(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("Design"))
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "editor"})
		f.Create(t, f.Owner, api.ProjectKind, doc{"path": "/finance", "name": "Finance", "team": "design"})
		tf := objecttest.Stack(f.Owner, "imported")
		for _, c := range []struct {
			kind *api.Kind
			ref  string
		}{
			{api.RetentionPolicyKind, ""}, {api.DataResidencyKind, ""}, {api.WorkspaceOwnerKind, ""},
			{api.TeamMembershipsKind, "design"}, {api.AccessGrantsKind, "/finance"},
		} {
			before := f.Get(t, f.Owner, c.kind, c.ref)
			if before.GetMeta().ManagedBy.Kind != api.ManagedBySystem {
				t.Fatalf("%s is declared already", c.kind.Name)
			}
			claims := []object.Claim{claimOf(c.kind, before), {Kind: c.kind.Name, ID: c.kind.Prefix + "_00000000000000000000000000"}}
			n, refused, err := f.Service.Claim(ctx, tf, claims, false)
			if err != nil || n != 1 || len(refused) != 1 || !strings.Contains(refused[0].Reason, "does not exist") {
				t.Fatalf("%s: claimed %d, refused %+v, %v", c.kind.Name, n, refused, err)
			}
			after := f.Get(t, f.Owner, c.kind, c.ref)
			m := after.GetMeta()
			if m.ID != before.GetMeta().ID || m.ManagedBy.Stack != "imported" || m.ManagedBy.ChangeContext == nil {
				t.Errorf("%s: claimed = %+v by %+v", c.kind.Name, m, m.ManagedBy)
			}
			was, is := *before.GetMeta(), *m
			*before.GetMeta(), *m = api.Meta{}, api.Meta{}
			if a, b := string(objecttest.JSON(t, before)), string(objecttest.JSON(t, after)); a != b {
				t.Errorf("%s: the claim changed\n%s to\n%s", c.kind.Name, a, b)
			}
			*before.GetMeta(), *m = was, is
			if n := len(f.Events(t, audit.Filter{Action: c.kind.Name + ".claimed"})); n != 1 {
				t.Errorf("%s: %d events tell of the claim", c.kind.Name, n)
			}
			if n, refused, err := f.Service.Claim(ctx, tf, claims[:1], false); n != 0 || len(refused) != 0 || err != nil {
				t.Errorf("%s again: %d, %v, %v", c.kind.Name, n, refused, err)
			}
			_, refused, err = f.Service.Claim(ctx, objecttest.Stack(f.Owner, "late"), claims[:1], false)
			if err != nil || len(refused) != 1 || !strings.Contains(refused[0].Reason, "imported") {
				t.Errorf("%s by another stack: refused %v, %v", c.kind.Name, refused, err)
			}
		}
	})
}

func TestReleasedObjectMovesToAnotherStack(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		blue, green := objecttest.Stack(f.Owner, "blue"), objecttest.Stack(f.Owner, "green")
		made := f.Create(t, blue, api.TeamKind, team("Blue"))
		policy := f.Put(t, blue, api.RetentionPolicyKind, "", doc{"trash_days": 7})
		byHand := f.Create(t, f.Owner, api.TeamKind, doc{"slug": "hand", "name": "Hand"})
		_, err := f.TryPut(t, green, api.TeamKind, "", team("Green"))
		if p := objecttest.WantProblem(t, err, api.CodeOwnedByOtherStack); !strings.Contains(p.Detail, `gatehouse release --stack "blue" team/design`) {
			t.Errorf("the refusal does not say how to move it: %s", p.Detail)
		}
		claims := []object.Claim{claimOf(api.TeamKind, made), claimOf(api.RetentionPolicyKind, policy), claimOf(api.TeamKind, byHand),
			claimOf(api.DataResidencyKind, f.Get(t, f.Owner, api.DataResidencyKind, "")), {Kind: "team", ID: "team_00000000000000000000000000"}, {Kind: "nonsense", ID: "x"}}

		// Nobody lets go of what is not theirs.
		n, refused, err := f.Service.Release(ctx, green, claims, false)
		if err != nil || n != 0 || len(refused) != 4 || !strings.Contains(refused[0].Reason, "blue") {
			t.Fatalf("released by the other stack: %d, refused %+v, %v", n, refused, err)
		}
		_, _, err = f.Service.Release(ctx, f.Owner, claims, false)
		objecttest.WantProblem(t, err, api.CodeMalformed)
		_, _, err = f.Service.Release(ctx, objecttest.Stack(f.Member, "blue"), claims, false)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, _, err = f.Service.Release(ctx, blue, make([]object.Claim, 5001), false)
		objecttest.WantProblem(t, err, api.CodeTooLarge)

		for _, dry := range []bool{true, false} {
			n, refused, err = f.Service.Release(ctx, blue, claims, dry)
			if err != nil || n != 2 || len(refused) != 2 {
				t.Fatalf("dry run %v: released %d, refused %+v, %v", dry, n, refused, err)
			}
			want := api.ManagedByManual
			if dry {
				want = api.ManagedByTerraform
			}
			if m := f.Get(t, f.Owner, api.TeamKind, "design").GetMeta().ManagedBy; m.Kind != want {
				t.Errorf("dry run %v: managed by %+v", dry, m)
			}
		}
		m := f.Get(t, f.Owner, api.RetentionPolicyKind, "").(*api.RetentionPolicy)
		if m.TrashDays != 7 || m.ManagedBy.Stack != "" || m.ManagedBy.ChangeContext != nil {
			t.Errorf("the released policy is %+v by %+v", m, m.ManagedBy)
		}
		for _, action := range []string{"team.released", "retention_policy.released"} {
			if n := len(f.Events(t, audit.Filter{Action: action})); n != 1 {
				t.Errorf("%d events %s", n, action)
			}
		}

		// A new stack adopts by POST, writes what it has read, or adopts a setting.
		_, err = f.TryCreate(t, green, api.TeamKind, team("Green"))
		objecttest.WantProblem(t, err, api.CodeConflict)
		res, err := f.Service.Create(ctx, green, api.TeamKind, objecttest.JSON(t, team("Green")), object.WriteOptions{Adopt: true})
		if err != nil || res.Object.GetMeta().ManagedBy.Stack != "green" || res.Object.GetMeta().ID != made.GetMeta().ID {
			t.Fatalf("adopted by POST: %+v, %v", res, err)
		}
		_, err = f.TryPut(t, green, api.RetentionPolicyKind, "", doc{"trash_days": 9})
		objecttest.WantProblem(t, err, api.CodeNeedsAdoption)
		res, err = f.Service.Put(ctx, green, api.RetentionPolicyKind, "", objecttest.JSON(t, doc{"trash_days": 9}), object.WriteOptions{IfMatch: m.ETag})
		if err != nil || res.Object.GetMeta().ManagedBy.Stack != "green" {
			t.Fatalf("adopted by If-Match: %+v, %v", res, err)
		}
	})
}

// The rows behind a view carry its stack as well.
func TestReleasedViewLetsGoOfItsRows(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.TeamKind, team("Design"))
		f.Create(t, f.Owner, api.ProjectKind, doc{"path": "/finance", "name": "Finance", "team": "design"})
		blue, green := objecttest.Stack(f.Owner, "blue"), objecttest.Stack(f.Owner, "green")
		member := "member:" + objecttest.MemberEmail
		teams := f.Put(t, blue, api.TeamMembershipsKind, "design", doc{"team": "design", "members": doc{objecttest.MemberEmail: "viewer"}})
		grants := f.Put(t, blue, api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": doc{member: "view"}})
		n, refused, err := f.Service.Release(ctx, blue, []object.Claim{claimOf(api.TeamMembershipsKind, teams), claimOf(api.AccessGrantsKind, grants)}, false)
		if err != nil || n != 2 || len(refused) != 0 {
			t.Fatalf("released %d, refused %v, %v", n, refused, err)
		}
		for _, m := range []*api.Meta{
			f.Get(t, f.Owner, api.TeamMembershipKind, "design/"+objecttest.MemberEmail).GetMeta(),
			f.Get(t, f.Owner, api.AccessGrantKind, member+"@/finance").GetMeta(),
		} {
			if m.ManagedBy.Kind != api.ManagedByManual || m.ManagedBy.Stack != "" {
				t.Errorf("%s is still managed by %+v", m.Key, m.ManagedBy)
			}
		}
		f.Put(t, green, api.AccessGrantsKind, "/finance", doc{"resource": "/finance", "grants": doc{member: "edit"}})
		f.Put(t, green, api.TeamMembershipsKind, "design", doc{"team": "design", "members": doc{objecttest.MemberEmail: "editor"}})
		if g := f.Get(t, f.Owner, api.AccessGrantKind, member+"@/finance").(*api.AccessGrant); g.Level != "edit" || g.ManagedBy.Stack != "green" {
			t.Errorf("the new stack's grant is %+v by %+v", g, g.ManagedBy)
		}
	})
}
