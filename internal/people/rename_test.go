package people_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

func TestSuspendReactivateAndRenameKeepTheIdentity(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		holdings(t, f, objecttest.MemberEmail)
		f.Create(t, f.Owner, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.MemberEmail})
		f.Create(t, f.Owner, api.ProjectKind, doc{"path": "/finance", "name": "Finance", "team": "design", "owner": objecttest.MemberEmail})
		f.AddMember(t, f.Owner, "aaa@example.com", "member")
		f.Put(t, objecttest.Stack(f.Owner, "signin"), api.LoginPolicyKind, "", doc{"exempt_principals": []string{"aaa@example.com", objecttest.MemberEmail}})
		const fresh = "maria@example.com"
		f.Put(t, objecttest.Stack(f.Owner, "teams"), api.TeamKind, "film", doc{"slug": "film", "name": "Film"})
		f.Put(t, objecttest.Stack(f.Owner, "teams"), api.TeamMembershipKind, "film/"+objecttest.MemberEmail, doc{"team": "film", "principal": objecttest.MemberEmail, "role": "viewer"})
		owner := func(kind *api.Kind, ref string) string {
			m := f.Get(t, f.Owner, kind, ref).GetMeta().ManagedBy
			return m.Kind + " " + m.Stack
		}
		held := []struct {
			kind     *api.Kind
			was, ref string
		}{
			{api.MemberKind, objecttest.MemberEmail, fresh},
			{api.TeamMembershipKind, "design/" + objecttest.MemberEmail, "design/" + fresh},
			{api.TeamMembershipKind, "film/" + objecttest.MemberEmail, "film/" + fresh},
			{api.AccessGrantKind, "member:" + objecttest.MemberEmail + "@/held", "member:" + fresh + "@/held"},
			{api.RoleAssignmentKind, "manager@member:" + objecttest.MemberEmail + "@/held", "manager@member:" + fresh + "@/held"},
			{api.ServiceAccountKind, "ci", "ci"}, {api.ProjectKind, "/finance", "/finance"}, {api.LoginPolicyKind, "", ""},
		}
		owners := make([]string, len(held))
		for i, h := range held {
			owners[i] = owner(h.kind, h.was)
		}
		err := f.Service.Do(ctx, connection(f), func(s *object.Scope) error { return people.Rename(ctx, s, objecttest.MemberEmail, "Maria@Example.com") })
		if err != nil {
			t.Fatal(err)
		}
		m := f.Get(t, f.Owner, api.MemberKind, fresh).(*api.Member)
		if m.ID != f.Member.ID || m.Email != fresh {
			t.Errorf("renamed = %+v, want identity %s", m, f.Member.ID)
		}
		for i, h := range held {
			if got := owner(h.kind, h.ref); got != owners[i] {
				t.Errorf("%s %s was managed by %s; after the rename by %s", h.kind.Name, h.ref, owners[i], got)
			}
		}
		if _, err := f.Service.Get(ctx, f.Owner, api.MemberKind, objecttest.MemberEmail); err == nil {
			t.Error("the old address still names a member")
		}
		if n := liveCredentials(t, f, "member:"+fresh); n != 2 {
			t.Errorf("%d credentials followed, want 2", n)
		}
		f.Get(t, f.Owner, api.TeamMembershipKind, "design/"+fresh)
		f.Get(t, f.Owner, api.AccessGrantKind, "member:"+fresh+"@/held")
		f.Get(t, f.Owner, api.RoleAssignmentKind, "manager@member:"+fresh+"@/held")
		if a := f.Get(t, f.Owner, api.ServiceAccountKind, "ci").(*api.ServiceAccount); a.Owner != fresh {
			t.Errorf("the service account still belongs to %s", a.Owner)
		}
		if p := f.Get(t, f.Owner, api.ProjectKind, "/finance").(*api.Project); p.Owner != fresh {
			t.Errorf("the project still belongs to %s", p.Owner)
		}
		p := f.Get(t, f.Owner, api.LoginPolicyKind, "").(*api.LoginPolicy)
		if diff := cmp.Diff([]string{"aaa@example.com", fresh}, p.ExemptPrincipals); diff != "" {
			t.Errorf("break-glass accounts: %s", diff)
		}
		err = f.Service.Do(ctx, connection(f), func(s *object.Scope) error { return people.Rename(ctx, s, fresh, objecttest.AdminEmail) })
		objecttest.WantProblem(t, err, api.CodeConflict)

		f.Put(t, f.Owner, api.LoginPolicyKind, "", doc{})
		err = f.Service.Do(ctx, connection(f), func(s *object.Scope) error { return people.Suspend(ctx, s, fresh, "deactivated by okta") })
		if err != nil {
			t.Fatal(err)
		}
		if n := liveCredentials(t, f, "member:"+fresh) + rows(t, f, "access_grant", "member:"+fresh); n != 0 {
			t.Errorf("%d credentials and grants outlived the suspension", n)
		}
		err = f.Service.Do(ctx, connection(f), func(s *object.Scope) error { return people.Reactivate(ctx, s, fresh, "back") })
		if err != nil {
			t.Fatal(err)
		}
		if m := f.Get(t, f.Owner, api.MemberKind, fresh).(*api.Member); !m.Active || m.ID != f.Member.ID {
			t.Errorf("reactivated = %+v", m)
		}
	})
}
