package people_test

import (
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

func wantDuties(t *testing.T, err error, at string) {
	t.Helper()
	if v := objecttest.WantViolation(t, err, at); v.Code != "separation_of_duties" {
		t.Errorf("code = %q", v.Code)
	}
}

// GH-AZ-04 holds for guests, and for who comes back.
func TestDutiesAreKeptApartForGuestsAndForWhoComesBack(t *testing.T) {
	guestWorld(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Owner, api.SeparationOfDutiesRuleKind, doc{"name": "four-eyes", "left": doc{"roles": []string{"viewer"}}, "right": doc{"roles": []string{"commenter"}}})
		f.Create(t, f.Admin, api.AccessGrantKind, doc{"resource": "/sites", "principal": "email:" + gus, "level": "comment"})
		_, err := f.TryCreate(t, f.Admin, api.GuestKind, guestDoc(doc{"max_level": "view"}))
		wantDuties(t, err, "/projects")
		f.Create(t, f.Admin, api.GuestKind, guestDoc(nil)) // comment alone is one duty

		f.AddMember(t, f.Owner, "mara@example.com", "admin")
		f.Delete(t, f.Owner, api.MemberKind, "mara@example.com")
		back := func() error {
			return f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
				return people.Reactivate(ctx, s, "mara@example.com", "back")
			})
		}
		f.Delete(t, f.Owner, api.MemberKind, objecttest.AdminEmail) // nobody else breaks the rule
		f.Create(t, f.Owner, api.SeparationOfDutiesRuleKind, doc{"name": "no-admins", "left": doc{"permissions": []string{"audit.read"}}, "right": doc{"permissions": []string{"member.write"}}})
		wantDuties(t, back(), "/active")
		f.Delete(t, f.Owner, api.SeparationOfDutiesRuleKind, "no-admins")
		if err := back(); err != nil {
			t.Error(err)
		}
	})
}
