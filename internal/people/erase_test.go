package people_test

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

// erase erases a person as the Owner.
func erase(t *testing.T, f *objecttest.Fixture, email string) *api.Erasure {
	t.Helper()
	var out *api.Erasure
	err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) (err error) {
		out, err = people.Erase(ctx, s, api.PersonRequest{Email: email})
		return err
	})
	if err != nil {
		t.Fatalf("erasing %s: %v", email, err)
	}
	return out
}

// found lists the tables in which a text still is.
func found(t *testing.T, f *objecttest.Fixture, text string) []string {
	t.Helper()
	var out []string
	for table, rows := range objecttest.Dump(t, f.DB) {
		for _, row := range rows {
			if strings.Contains(strings.ToLower(row), strings.ToLower(text)) {
				out = append(out, table+": "+row)
			}
		}
	}
	return out
}

func TestErasingReachesAddressesOfBefore(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		provision(t, f, "petra.maiden@example.com")
		err := f.Service.Do(ctx, connection(f), func(s *object.Scope) error {
			if err := people.Rename(ctx, s, "petra.maiden@example.com", "petra@example.com"); err != nil {
				return err
			}
			return people.Suspend(ctx, s, "petra@example.com", "left")
		})
		if err != nil {
			t.Fatal(err)
		}
		done := erase(t, f, "petra@example.com")
		for _, address := range []string{"petra.maiden@example.com", "petra@example.com"} {
			if left := found(t, f, address); len(left) > 0 {
				t.Errorf("%s is still in %v", address, left)
			}
		}
		renamed := f.Events(t, audit.Filter{Action: "member.renamed", From: time.Now().Add(-time.Hour)})
		if len(renamed) != 1 || !strings.HasPrefix(renamed[0].Target.Key, "erased:") {
			t.Errorf("the log says %+v, want the event without the person", renamed)
		}
		if done.Total == 0 {
			t.Errorf("nothing was erased: %+v", done)
		}
	})
}

func TestInvitedPeopleAreErased(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.InvitationKind, doc{"email": "ines@example.com", "message": "Welcome, ines@example.com!"})
		if before := found(t, f, "ines@example.com"); len(before) == 0 {
			t.Fatal("the invitation left no trace")
		}
		erase(t, f, "Ines@Example.com")
		if left := found(t, f, "ines@example.com"); len(left) > 0 {
			t.Errorf("still in %v", left)
		}
		// The invitation works again: it is another one.
		f.Create(t, f.Owner, api.InvitationKind, doc{"email": "ines@example.com"})
	})
}

func TestAnErasureThatFailsErasesNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.InvitationKind, doc{"email": "ines@example.com"})
		before := found(t, f, "ines@example.com")
		err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
			if _, err := people.Erase(ctx, s, api.PersonRequest{Email: "ines@example.com"}); err != nil {
				return err
			}
			return api.NewProblem(api.CodeConflict, "something else went wrong")
		})
		objecttest.WantProblem(t, err, api.CodeConflict)
		if after := found(t, f, "ines@example.com"); len(after) != len(before) {
			t.Errorf("%d traces after a failure, %d before", len(after), len(before))
		}
		// The log still knows them by the name that it knew.
		f.Put(t, f.Owner, api.InvitationKind, "", doc{"email": "ines@example.com", "message": "Still there?"})
		if events := f.Events(t, audit.Filter{TargetKey: "ines@example.com"}); len(events) < 2 {
			t.Errorf("%d events about the person, want those of before and the new one", len(events))
		}
	})
}

func TestTheAuditLogKeepsWhomThePolicyKeeps(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		if !object.Registered(api.AuditPolicyKind) {
			t.Fatal("the audit policy has no rules in this test")
		}
		f.Put(t, f.Owner, api.AuditPolicyKind, "", doc{"pseudonymise_on_erasure": false})
		f.Create(t, f.Owner, api.InvitationKind, doc{"email": "ines@example.com"})
		erase(t, f, "ines@example.com")
		for _, place := range found(t, f, "ines@example.com") {
			if !strings.HasPrefix(place, "audit_subject: ") {
				t.Errorf("still in %s", place)
			}
		}
		if events := f.Events(t, audit.Filter{TargetKey: "ines@example.com"}); len(events) == 0 {
			t.Error("the log does not name the person any more, although the policy keeps them")
		}
	})
}
