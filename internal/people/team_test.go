package people_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func team(slug string) doc { return doc{"slug": slug, "name": slug} }

func TestOnlyOwnerAndAdminsMakeTeams(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		_, err := f.TryCreate(t, f.Member, api.TeamKind, team("design"))
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, f.Owner, api.TeamKind, team("film"))
		_, err = f.TryPut(t, f.Member, api.TeamKind, "", doc{"slug": "design", "name": "Mine"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestTeamThatOwnsProjectsIsDeletedOnlyWhenItHandsThemOver(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, f.Admin, api.TeamKind, team("film"))
		f.Create(t, f.Admin, api.ProjectKind, doc{"path": "/campaign", "name": "Campaign", "team": "design"})
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail})
		f.Create(t, f.Admin, api.FolderKind, doc{"path": "/other"})
		f.Create(t, f.Admin, api.AccessGrantKind, doc{"resource": "/other", "principal": "team:design", "level": "view"})
		f.Put(t, f.Admin, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{objecttest.MemberEmail: "viewer"}})
		err := f.Service.Delete(ctx, f.Admin, api.TeamKind, "design", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeReferenced)
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "transfer_to": "nowhere"})
		err = f.Service.Delete(ctx, f.Admin, api.TeamKind, "design", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeReferenced)
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "transfer_to": "film"})
		f.Delete(t, f.Admin, api.TeamKind, "design")
		if p := f.Get(t, f.Admin, api.ProjectKind, "/campaign").(*api.Project); p.Team != "film" {
			t.Errorf("the project went to %q, want film", p.Team)
		}
		// A later team of the same name inherits nothing.
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		if v := f.Get(t, f.Admin, api.TeamMembershipsKind, "design").(*api.TeamMemberships); len(v.Members) != 0 || v.ManagedBy.Kind != api.ManagedBySystem {
			t.Errorf("the new team has %v (managed by %s)", v.Members, v.ManagedBy.Kind)
		}
		if n := rows(t, f, "access_grant", "team:design"); n != 0 {
			t.Errorf("the new team has %d grants of the old", n)
		}
	})
}

func TestTeamsFormATree(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("a"))
		f.Create(t, f.Admin, api.TeamKind, doc{"slug": "b", "name": "B", "parent": "a"})
		f.Create(t, f.Admin, api.TeamKind, doc{"slug": "c", "name": "C", "parent": "b"})
		for _, parent := range []string{"a", "c"} {
			_, err := f.TryPut(t, f.Admin, api.TeamKind, "", doc{"slug": "a", "name": "A", "parent": parent})
			objecttest.WantViolation(t, err, "/parent")
		}
		_, err := f.TryPut(t, f.Admin, api.TeamKind, "", doc{"slug": "c", "name": "C", "parent": "missing"})
		if v := objecttest.WantViolation(t, err, "/parent"); v.Code != api.ViolationReference {
			t.Errorf("violation = %+v", v)
		}
		err = f.Service.Delete(ctx, f.Admin, api.TeamKind, "a", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeReferenced)
	})
}

func TestTeamAdminLooksAfterTheirOwnTeamOnly(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, f.Admin, api.TeamKind, team("film"))
		f.AddMember(t, f.Owner, "bob@example.com", "member")
		_, err := f.TryCreate(t, f.Member, api.TeamMembershipKind, doc{"team": "design", "principal": "bob@example.com"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "team_admin"})
		f.Create(t, f.Member, api.TeamMembershipKind, doc{"team": "design", "principal": "bob@example.com"})
		_, err = f.TryCreate(t, f.Member, api.TeamMembershipKind, doc{"team": "film", "principal": "bob@example.com"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		f.Delete(t, f.Member, api.TeamMembershipKind, "design/bob@example.com")
		_, err = f.TryPut(t, f.Member, api.TeamKind, "", doc{"slug": "design", "name": "Renamed"})
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}

func TestGuestsJoinOnlyTeamsThatTakeThem(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		addGuest(t, f, "gus@agency.example.com")
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		_, err := f.TryCreate(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": "gus@agency.example.com"})
		objecttest.WantViolation(t, err, "/principal")
		_, err = f.TryPut(t, f.Admin, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{"gus@agency.example.com": "viewer"}})
		objecttest.WantViolation(t, err, "/members/gus@agency.example.com")
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "external_allowed": true})
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": "gus@agency.example.com"})
		_, err = f.TryPut(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "external_allowed": false})
		objecttest.WantViolation(t, err, "/external_allowed")
	})
}

func TestMembershipsBySCIMAreChangedBySCIMAlone(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, connection(f), api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "viewer"})
		for _, c := range []*object.Caller{f.Admin, objecttest.Stack(f.Owner, "teams")} {
			_, err := f.TryPut(t, c, api.TeamMembershipKind, "", doc{"team": "design", "principal": objecttest.MemberEmail, "role": "editor"})
			objecttest.WantProblem(t, err, api.CodeConflict)
			err = f.Service.Delete(ctx, c, api.TeamMembershipKind, "design/"+objecttest.MemberEmail, object.WriteOptions{})
			objecttest.WantProblem(t, err, api.CodeConflict)
		}
		f.Create(t, f.Admin, api.SCIMGroupMappingKind, doc{"connection_name": "okta", "group": "Designers", "team": "design", "team_role": "viewer"})
		added := f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.AdminEmail}).(*api.TeamMembership)
		if added.Source != api.ManagedByManual {
			t.Errorf("source = %q; by hand beside the mapped group is manual", added.Source)
		}
	})
}

func TestExpiredMembershipGivesNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		_, err := f.TryCreate(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "expires_at": time.Now().Add(-time.Hour)})
		objecttest.WantViolation(t, err, "/expires_at")
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "team_admin", "expires_at": time.Now().Add(time.Hour)})
		f.AddMember(t, f.Owner, "bob@example.com", "member")
		f.Create(t, f.Member, api.TeamMembershipKind, doc{"team": "design", "principal": "bob@example.com"})
		f.Advance(2 * time.Hour)
		err = f.Service.Delete(ctx, f.Member, api.TeamMembershipKind, "design/bob@example.com", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		v := f.Get(t, f.Admin, api.TeamMembershipsKind, "design").(*api.TeamMemberships)
		if diff := cmp.Diff(map[string]string{"bob@example.com": "viewer"}, v.Members); diff != "" {
			t.Errorf("members: %s", diff)
		}
	})
}

func TestTeamMembershipsAreAuthoritativeWithinSources(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		for _, email := range []string{"a@example.com", "b@example.com", "c@example.com", "s@example.com"} {
			f.AddMember(t, f.Owner, email, "member")
		}
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": "a@example.com", "role": "viewer"})
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": "b@example.com", "role": "viewer"})
		f.Create(t, connection(f), api.TeamMembershipKind, doc{"team": "design", "principal": "s@example.com", "role": "editor"})

		// Nobody declared it yet: it can be read (and imported) as it is.
		before := f.Get(t, f.Admin, api.TeamMembershipsKind, "design").(*api.TeamMemberships)
		if diff := cmp.Diff(map[string]string{"a@example.com": "viewer", "b@example.com": "viewer"}, before.Members); diff != "" {
			t.Errorf("before: %s", diff)
		}
		tf := objecttest.Stack(f.Owner, "teams")
		want := map[string]string{"b@example.com": "team_admin", "c@example.com": "reviewer"}
		wrote := f.Put(t, tf, api.TeamMembershipsKind, "", doc{"team": "design", "members": want}).(*api.TeamMemberships)
		read := f.Get(t, f.Admin, api.TeamMembershipsKind, "design").(*api.TeamMemberships)
		if diff := cmp.Diff(want, read.Members); diff != "" {
			t.Errorf("members: %s", diff)
		}
		if wrote.ETag != read.ETag || wrote.ETag == before.ETag || wrote.ID != before.ID {
			t.Errorf("etags %s, %s, %s: the write and the read after it must agree and differ from before", before.ETag, wrote.ETag, read.ETag)
		}
		f.Get(t, f.Admin, api.TeamMembershipKind, "design/s@example.com") // SCIM's is not its business
		c := f.Get(t, f.Admin, api.TeamMembershipKind, "design/c@example.com").(*api.TeamMembership)
		if c.Source != api.ManagedByTerraform || c.ManagedBy.Stack != "teams" {
			t.Errorf("c = %+v", c)
		}
		var actions []string
		for _, e := range f.Events(t, audit.Filter{TargetKind: "team_membership"}) {
			actions = append(actions, e.Action+" "+e.Target.Key+" "+string(e.Effect))
		}
		tail := actions[len(actions)-3:]
		if diff := cmp.Diff([]string{"team_membership.created design/c@example.com widened", "team_membership.revoked design/a@example.com narrowed", "team_membership.updated design/b@example.com widened"}, sorted(tail)); diff != "" {
			t.Errorf("audit: %s", diff)
		}

		// Someone else's change of a row changes the ETag of the whole.
		f.Put(t, f.Admin, api.TeamMembershipKind, "", doc{"team": "design", "principal": "c@example.com", "role": "viewer"})
		_, err := f.Service.Put(ctx, tf, api.TeamMembershipsKind, "", objecttest.JSON(t, doc{"team": "design", "members": want}), object.WriteOptions{IfMatch: read.ETag})
		objecttest.WantProblem(t, err, api.CodePreconditionFailed)

		f.Delete(t, tf, api.TeamMembershipsKind, "design")
		after := f.Get(t, f.Admin, api.TeamMembershipsKind, "design").(*api.TeamMemberships)
		if len(after.Members) != 0 {
			t.Errorf("after the destruction: %v", after.Members)
		}
		f.Get(t, f.Admin, api.TeamMembershipKind, "design/s@example.com")
	})
}

func TestTeamMembershipsNameEveryUnknownMember(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		_, err := f.TryPut(t, f.Admin, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{"x@example.com": "viewer", "y@example.com": "viewer", objecttest.MemberEmail: "viewer"}})
		for _, email := range []string{"x@example.com", "y@example.com"} {
			if v := objecttest.WantViolation(t, err, "/members/"+email); v.Code != api.ViolationReference || v.Kind != "member" || v.Key != email {
				t.Errorf("violation = %+v", v)
			}
		}
		if n := rows(t, f, "team_membership", objecttest.MemberEmail); n != 0 {
			t.Error("a refused change left a membership behind")
		}
		_, err = f.TryPut(t, f.Admin, api.TeamMembershipsKind, "", doc{"team": "nowhere", "members": doc{}})
		objecttest.WantViolation(t, err, "/team")
	})
}

func TestTeamMappedBySCIMGroupNeedsSourcesTerraform(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, f.Admin, api.SCIMGroupMappingKind, doc{"connection_name": "okta", "group": "Designers", "team": "design", "team_role": "viewer"})
		f.Create(t, connection(f), api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail})
		tf := objecttest.Stack(f.Owner, "teams")
		for _, sources := range []any{nil, []string{"terraform", "manual", "scim"}, []string{"scim"}} {
			_, err := f.TryPut(t, tf, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{objecttest.AdminEmail: "editor"}, "sources": sources})
			objecttest.WantViolation(t, err, "/sources")
		}
		f.Put(t, tf, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{objecttest.AdminEmail: "editor"}, "sources": []string{"terraform"}})
		_, err := f.TryPut(t, tf, api.TeamMembershipsKind, "", doc{"team": "design", "members": doc{objecttest.MemberEmail: "editor"}, "sources": []string{"terraform"}})
		objecttest.WantViolation(t, err, "/members/"+objecttest.MemberEmail)
		err = f.Service.Delete(ctx, f.Admin, api.TeamKind, "design", object.WriteOptions{})
		objecttest.WantProblem(t, err, api.CodeReferenced)
	})
}

func TestTeamOfThousandsIsWrittenAndReadWhole(t *testing.T) {
	const many = 1500
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		var members []api.Object
		want := map[string]string{}
		for i := range many {
			email := fmt.Sprintf("m%05d@example.com", i)
			members = append(members, &api.Member{Email: email, WorkspaceRole: "member", Active: true, Source: api.ManagedByManual})
			want[email] = "viewer"
		}
		err := f.Service.Do(context.Background(), object.System(f.Workspace.ID), func(s *object.Scope) error {
			return s.SaveDerived(ctx, api.MemberKind, object.How{}, members...)
		})
		if err != nil {
			t.Fatal(err)
		}
		f.Create(t, f.Admin, api.TeamKind, team("all"))
		tf := objecttest.Stack(f.Admin, "teams")
		start := time.Now()
		f.Put(t, tf, api.TeamMembershipsKind, "", doc{"team": "all", "members": want})
		t.Logf("%d memberships in %v", many, time.Since(start))
		delete(want, "m00000@example.com")
		want["m00001@example.com"] = "editor"
		start = time.Now()
		f.Put(t, tf, api.TeamMembershipsKind, "", doc{"team": "all", "members": want})
		t.Logf("two of them changed in %v", time.Since(start))
		got := f.Get(t, f.Admin, api.TeamMembershipsKind, "all").(*api.TeamMemberships)
		if diff := cmp.Diff(want, got.Members); diff != "" {
			t.Errorf("members: %s", diff)
		}
	})
}

func sorted(list []string) []string {
	out := append([]string(nil), list...)
	slices.Sort(out)
	return out
}

func TestDefaultLevelOfATeamIsTheLeastItsMembersGet(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		f.Create(t, f.Admin, api.TeamKind, team("design"))
		f.Create(t, f.Admin, api.TeamMembershipKind, doc{"team": "design", "principal": objecttest.MemberEmail, "role": "viewer"})
		f.Create(t, f.Admin, api.ProjectKind, doc{"path": "/campaign", "name": "Campaign", "team": "design", "owner": objecttest.OwnerEmail})
		may := func(permission string) error {
			return f.Service.View(ctx, f.Member, func(s *object.Scope) error { return s.RequireOn(ctx, "/campaign/drafts", permission) })
		}
		if err := may("asset.read"); err != nil {
			t.Errorf("a viewer of the team reads: %v", err)
		}
		objecttest.WantProblem(t, may("asset.update"), api.CodeForbidden)
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design", "default_level": "edit"})
		if err := may("asset.update"); err != nil {
			t.Errorf("the team's default level is edit: %v", err)
		}
		objecttest.WantProblem(t, may("item.settings"), api.CodeForbidden)
		f.Put(t, f.Admin, api.TeamKind, "", doc{"slug": "design", "name": "Design"})
		objecttest.WantProblem(t, may("asset.update"), api.CodeForbidden)
	})
}
