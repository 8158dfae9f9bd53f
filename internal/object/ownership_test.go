package object_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

type doc = map[string]any

var ctx = context.Background()

func team(name string) doc { return doc{"slug": "design", "name": name} }

func TestObjectOfOneStackIsNotChangedByAnother(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		blue, green := objecttest.Stack(f.Admin, "blue"), objecttest.Stack(f.Owner, "green")
		f.Create(t, blue, api.TeamKind, team("Blue"))
		p := objecttest.WantProblem(t, second(f.TryPut(t, green, api.TeamKind, "", team("Green"))), api.CodeOwnedByOtherStack)
		if !strings.Contains(p.Detail, "blue") || !strings.Contains(p.Detail, "green") {
			t.Errorf("the refusal names neither stack: %s", p.Detail)
		}
		err := f.Service.Delete(ctx, green, api.TeamKind, "design", object.WriteOptions{Adopt: true})
		objecttest.WantProblem(t, err, api.CodeOwnedByOtherStack)
		f.Put(t, blue, api.ChangePolicyKind, "", doc{"mode": "warn", "reconcile_hours": 24})
		objecttest.WantProblem(t, second(f.TryPut(t, green, api.ChangePolicyKind, "", doc{"mode": "off"})), api.CodeOwnedByOtherStack)
		if got := f.Put(t, blue, api.TeamKind, "", team("Bluer")).(*api.Team); got.ManagedBy.Stack != "blue" || got.ManagedBy.ChangeContext.Commit != "4f2a9c1" {
			t.Errorf("managed by %+v", got.ManagedBy)
		}
	})
}

func second[T any](_ T, err error) error { return err }

func TestHandEditOfCodeOwnedObjectFollowsTheChangePolicy(t *testing.T) {
	for _, c := range []struct {
		name   string
		policy doc
		caller func(f *objecttest.Fixture) *object.Caller
		want   api.Code // "" when allowed
	}{
		{"off allows", doc{"mode": "off"}, admin, ""},
		{"warn allows", doc{"mode": "warn"}, admin, ""},
		{"block refuses", doc{"mode": "block"}, admin, api.CodeManagedByCode},
		{"block refuses with a reason but without the role", doc{"mode": "block", "override_roles": []string{"owner"}}, withReason(admin), api.CodeManagedByCode},
		{"breaking the glass needs a reason", doc{"mode": "block", "override_roles": []string{"admin"}}, admin, api.CodeManagedByCode},
		{"breaking the glass with a reason", doc{"mode": "block", "override_roles": []string{"admin"}}, withReason(admin), ""},
		{"breaking the glass where no reason is asked", doc{"mode": "block", "override_roles": []string{"admin"}, "require_reason": false}, admin, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
				f.Put(t, f.Owner, api.ChangePolicyKind, "", c.policy)
				f.Create(t, objecttest.Stack(f.Owner, "teams"), api.TeamKind, team("Design"))
				by := c.caller(f)
				got, err := f.TryPut(t, by, api.TeamKind, "", team("By hand"))
				if c.want != "" {
					objecttest.WantProblem(t, err, c.want)
					objecttest.WantProblem(t, f.Service.Delete(ctx, by, api.TeamKind, "design", object.WriteOptions{}), c.want)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if m := got.GetMeta().ManagedBy; m.Kind != api.ManagedByTerraform || m.Stack != "teams" {
					t.Errorf("managed by %+v: a hand edit is drift, not a change of owner", m)
				}
				events := f.Events(t, audit.Filter{Action: "team.updated"})
				reasons := events[len(events)-1].Reasons
				if !slices.ContainsFunc(reasons, func(r string) bool { return strings.HasPrefix(r, "override: owned by stack \"teams\"") }) {
					t.Errorf("reasons %v do not mark the override", reasons)
				}
				if by.Reason != "" && !slices.Contains(reasons, "reason given: "+by.Reason) {
					t.Errorf("reasons %v lack the one given", reasons)
				}
			})
		})
	}
}

func admin(f *objecttest.Fixture) *object.Caller { return f.Admin }

func withReason(who func(*objecttest.Fixture) *object.Caller) func(*objecttest.Fixture) *object.Caller {
	return func(f *objecttest.Fixture) *object.Caller {
		return objecttest.Reason(who(f), "incident 42: production is down")
	}
}

func TestObjectsMadeByHandAreEditedByHandUnderAnyPolicy(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Put(t, f.Owner, api.ChangePolicyKind, "", doc{"mode": "block"})
		f.Create(t, f.Admin, api.TeamKind, team("Design"))
		f.Put(t, f.Admin, api.TeamKind, "", team("Designers"))
		f.Delete(t, f.Admin, api.TeamKind, "design")
	})
}

func TestSingletonSetByHandIsNotAdoptedSilently(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "policies")
		f.Put(t, f.Owner, api.RetentionPolicyKind, "", doc{"trash_days": 7})
		want := doc{"trash_days": 14}
		_, err := f.TryPut(t, tf, api.RetentionPolicyKind, "", want)
		objecttest.WantProblem(t, err, api.CodeNeedsAdoption)
		if v := objecttest.WantViolation(t, err, "/trash_days"); !strings.Contains(v.Message, "7") || !strings.Contains(v.Message, "30") {
			t.Errorf("the refusal does not show the delta: %s", v.Message)
		}
		live := f.Get(t, f.Admin, api.RetentionPolicyKind, "").(*api.RetentionPolicy)
		if live.TrashDays != 7 || live.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("the refusal changed it: %+v", live)
		}
		res, err := f.Service.Put(ctx, tf, api.RetentionPolicyKind, "", objecttest.JSON(t, want), object.WriteOptions{Adopt: true})
		if err != nil {
			t.Fatal(err)
		}
		if m := res.Object.GetMeta(); m.ManagedBy.Stack != "policies" || m.ID != live.ID || m.Key != "acme" {
			t.Errorf("adopted = %+v", m)
		}
	})
}

func TestSingletonAtItsDefaultIsAdoptedByWritingIt(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "policies")
		before := f.Get(t, f.Admin, api.RetentionPolicyKind, "").GetMeta()
		after := f.Put(t, tf, api.RetentionPolicyKind, "", doc{"trash_days": 14}).GetMeta()
		if before.ManagedBy.Kind != api.ManagedBySystem || before.ID != after.ID || before.ETag == after.ETag || after.ManagedBy.Kind != api.ManagedByTerraform {
			t.Errorf("before %+v, after %+v", before, after)
		}
		// Destroy keeps the setting and lets go of it.
		f.Delete(t, tf, api.RetentionPolicyKind, "")
		left := f.Get(t, f.Admin, api.RetentionPolicyKind, "").(*api.RetentionPolicy)
		if left.TrashDays != 14 || left.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("after destroy: %+v by %s", left, left.ManagedBy.Kind)
		}
		if len(f.Events(t, audit.Filter{Action: "retention_policy.released"})) != 1 {
			t.Error("the release is not in the audit log")
		}
	})
}

func TestDestroyWithResetGoesBackToTheSecureDefault(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		tf := objecttest.Stack(f.Admin, "policies")
		f.Put(t, tf, api.ChangePolicyKind, "", doc{"mode": "off", "on_destroy": "reset"})
		f.Delete(t, tf, api.ChangePolicyKind, "")
		p := f.Get(t, f.Admin, api.ChangePolicyKind, "").(*api.ChangePolicy)
		if p.Mode != "warn" || p.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("after the reset: mode %q by %s", p.Mode, p.ManagedBy.Kind)
		}
		// What is at its default again can be adopted without asking.
		f.Put(t, objecttest.Stack(f.Admin, "other"), api.ChangePolicyKind, "", doc{"mode": "block"})
	})
}

func TestObjectMadeByHandIsAdoptedOnlyWhenAsked(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		made := f.Create(t, f.Admin, api.TeamKind, team("By hand"))
		tf := objecttest.Stack(f.Owner, "teams")
		_, err := f.TryCreate(t, tf, api.TeamKind, team("By code"))
		objecttest.WantProblem(t, err, api.CodeConflict)
		res, err := f.Service.Create(ctx, tf, api.TeamKind, objecttest.JSON(t, team("By code")), object.WriteOptions{Adopt: true})
		if err != nil {
			t.Fatal(err)
		}
		if m := res.Object.GetMeta(); m.ID != made.GetMeta().ID || m.ManagedBy.Stack != "teams" {
			t.Errorf("adopted = %+v, want the identity %s", m, made.GetMeta().ID)
		}
	})
}

func TestClaimStampsWhatTheStackNeverHadToWrite(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		mine := f.Create(t, f.Admin, api.TeamKind, team("Design")).GetMeta()
		theirs := f.Create(t, objecttest.Stack(f.Admin, "other"), api.TeamKind, doc{"slug": "film", "name": "Film"}).GetMeta()
		tf := objecttest.Stack(f.Owner, "teams")
		claims := []object.Claim{
			{Kind: "team", ID: mine.ID}, {Kind: "team", ID: theirs.ID}, {Kind: "team", ID: "team_00000000000000000000000000"}, {Kind: "nonsense", ID: "x"},
		}
		n, refused, err := f.Service.Claim(ctx, tf, claims, true)
		if err != nil || n != 1 {
			t.Fatalf("dry run: %d, %v, %v", n, refused, err)
		}
		if got := f.Get(t, f.Admin, api.TeamKind, "design").GetMeta(); got.ManagedBy.Kind != api.ManagedByManual {
			t.Error("a dry claim stamped the object")
		}
		n, refused, err = f.Service.Claim(ctx, tf, claims, false)
		if err != nil || n != 1 || len(refused) != 3 || !strings.Contains(refused[0].Reason, "other") {
			t.Errorf("claimed %d, refused %+v, %v", n, refused, err)
		}
		if got := f.Get(t, f.Admin, api.TeamKind, mine.ID).GetMeta(); got.ManagedBy.Stack != "teams" || got.ManagedBy.ChangeContext == nil {
			t.Errorf("managed by %+v", got.ManagedBy)
		}
		if n, _, err = f.Service.Claim(ctx, tf, claims[:1], false); err != nil || n != 0 {
			t.Errorf("claiming again: %d, %v; want nothing to do", n, err)
		}
		_, _, err = f.Service.Claim(ctx, f.Owner, claims, false)
		objecttest.WantProblem(t, err, api.CodeMalformed)
		_, _, err = f.Service.Claim(ctx, objecttest.Stack(f.Member, "teams"), claims, false)
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}
