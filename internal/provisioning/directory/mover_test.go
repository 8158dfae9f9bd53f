package directory_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// company declares teams and mappings of Designers, Finance and Reviewers.
func (b *bridge) company(t testing.TB) {
	t.Helper()
	for team, group := range map[string]string{"design": "Designers", "finance": "Finance", "review": "Reviewers"} {
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": team, "name": group})
		role := map[string]string{"design": "editor", "finance": "viewer", "review": "reviewer"}[team]
		b.mapping(t, map[string]any{"group": group, "team": team, "team_role": role})
	}
}

func (b *bridge) mapping(t testing.TB, doc map[string]any) string {
	t.Helper()
	doc["connection_name"] = "okta"
	return b.Create(t, objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, doc).GetMeta().ID
}

func (b *bridge) group(t testing.TB, name string, members ...string) string {
	t.Helper()
	return b.post(t, "/Groups", fmt.Sprintf(`{"displayName":%q,"externalId":%q,"members":%s}`, name, "ext-"+name, refs(members...)))["id"].(string)
}

func (b *bridge) wantTeams(t testing.TB, email string, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, b.teamsOf(t, email)); diff != "" {
		t.Errorf("teams of %s: %s", email, diff)
	}
}

func add(ids ...string) string { return `{"op":"add","path":"members","value":` + refs(ids...) + `}` }
func remove(id string) string  { return `{"op":"remove","path":"members[value eq \"` + id + `\"]"}` }

func TestMoverLosesAndGainsInOneStep(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann, bob := b.join(t, "ann@example.com"), b.join(t, "bob@example.com")
		designers, finance := b.group(t, "Designers", ann, bob), b.group(t, "Finance")
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim"})
		b.patch(t, "/Groups/"+designers, `{"op":"Remove","path":"members","value":`+refs(ann)+`}`)
		b.patch(t, "/Groups/"+finance, add(ann))
		b.wantTeams(t, "ann@example.com", map[string]string{"finance": "viewer by scim"})
		b.wantTeams(t, "bob@example.com", map[string]string{"design": "editor by scim"})
		m := b.Get(t, b.Admin, api.TeamMembershipKind, "finance/ann@example.com")
		if by := m.GetMeta().ManagedBy; by.Kind != "scim" || by.Stack != "okta" {
			t.Errorf("managed by %+v", by)
		}
		var actions []string
		for _, e := range b.Events(t, audit.Filter{TargetKey: "finance/ann@example.com"}) {
			actions = append(actions, e.Action)
		}
		for _, e := range b.Events(t, audit.Filter{TargetKey: "design/ann@example.com"}) {
			actions = append(actions, e.Action)
		}
		if diff := cmp.Diff([]string{"team_membership.created", "team_membership.created", "team_membership.revoked"}, actions); diff != "" {
			t.Error(diff)
		}
		b.patch(t, "/Groups/"+finance, `{"op":"replace","path":"members","value":`+refs(bob)+`}`)
		b.wantTeams(t, "ann@example.com", map[string]string{})
		b.wantTeams(t, "bob@example.com", map[string]string{"design": "editor by scim", "finance": "viewer by scim"})
	})
}

func TestMappingAppliesToWhoIsInTheGroupAlready(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		ann := b.join(t, "ann@example.com")
		b.group(t, "Designers", ann)
		b.wantTeams(t, "ann@example.com", map[string]string{})
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "design", "name": "Design"})
		id := b.mapping(t, map[string]any{"group": "DESIGNERS", "team": "design", "team_role": "viewer"})
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "viewer by scim"})
		b.Put(t, objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, id, map[string]any{"connection_name": "okta", "group": "DESIGNERS", "team": "design", "team_role": "editor"})
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim"})
		b.Delete(t, objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, id)
		b.wantTeams(t, "ann@example.com", map[string]string{})
		// By externalId, which survives a rename at the identity provider.
		b.mapping(t, map[string]any{"group": "external:ext-Designers", "team": "design", "team_role": "reviewer"})
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "reviewer by scim"})
	})
}

func TestRenamedGroupMeansWhatItsNewNameMeans(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		g := b.group(t, "Designers", ann)
		b.patch(t, "/Groups/"+g, `{"op":"replace","value":{"id":"`+g+`","displayName":"Reviewers"}}`)
		b.wantTeams(t, "ann@example.com", map[string]string{"review": "reviewer by scim"})
		b.patch(t, "/Groups/"+g, `{"op":"replace","path":"displayName","value":"Nobody"}`)
		b.wantTeams(t, "ann@example.com", map[string]string{})
	})
}

func TestSCIMLeavesAloneWhatCodeAndPeopleGave(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		b.Create(t, objecttest.Stack(b.Owner, "infra"), api.TeamMembershipKind, map[string]any{"team": "design", "principal": "ann@example.com", "role": "viewer"})
		b.Create(t, b.Owner, api.TeamMembershipKind, map[string]any{"team": "finance", "principal": "ann@example.com", "role": "team_admin"})
		g := b.group(t, "Designers", ann)
		f := b.group(t, "Finance", ann)
		want := map[string]string{"design": "viewer by terraform", "finance": "team_admin by manual"}
		b.wantTeams(t, "ann@example.com", want)
		b.patch(t, "/Groups/"+g, remove(ann))
		b.call(t, http.StatusNoContent, "DELETE", "/Groups/"+f, "")
		b.wantTeams(t, "ann@example.com", want)
	})
}

func TestHighestTeamRoleOfSeveralGroupsCounts(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.mapping(t, map[string]any{"group": "Leads", "team": "design", "team_role": "team_admin"})
		ann := b.join(t, "ann@example.com")
		b.group(t, "Designers", ann)
		leads := b.group(t, "Leads", ann)
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "team_admin by scim"})
		b.patch(t, "/Groups/"+leads, remove(ann))
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim"})
	})
}

func TestGroupsGiveWorkspaceRolesAndTakeBackOnlyThose(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.mapping(t, map[string]any{"group": "Admins", "workspace_role": "admin"})
		b.claimDomain(t, "example.com")
		ann, adam, olga := b.join(t, "ann@example.com"), b.join(t, objecttest.AdminEmail), b.join(t, objecttest.OwnerEmail)
		g := b.group(t, "Admins", ann, adam, olga)
		role := func(id string) string { return b.member(t, id).WorkspaceRole }
		if role(ann) != "admin" || role(adam) != "admin" || role(olga) != "owner" {
			t.Fatalf("roles %s, %s, %s", role(ann), role(adam), role(olga))
		}
		b.patch(t, "/Groups/"+g, remove(ann), remove(adam), remove(olga))
		// Adam was an admin before any group said so.
		if role(ann) != "member" || role(adam) != "admin" || role(olga) != "owner" {
			t.Errorf("roles %s, %s, %s", role(ann), role(adam), role(olga))
		}
		// A leaver comes back without the role that the group gave, until it gives it again.
		b.patch(t, "/Groups/"+g, add(ann))
		b.patch(t, "/Users/"+ann, deactivate)
		if role(ann) != "member" {
			t.Errorf("a suspended leaver is %s", role(ann))
		}
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":true}`)
		if role(ann) != "admin" {
			t.Errorf("back in the group: %s", role(ann))
		}
	})
}

func TestGroupChangeCannotRemoveTheLastAdmins(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.mapping(t, map[string]any{"group": "Admins", "workspace_role": "admin"})
		ann := b.join(t, "ann@example.com")
		g := b.group(t, "Admins", ann)
		b.Put(t, b.Owner, api.WorkspaceKind, "acme", map[string]any{"slug": "acme", "name": "Acme", "min_admins": 3})
		b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+g, `{"Operations":[`+remove(ann)+`]}`)
		if b.member(t, ann).WorkspaceRole != "admin" {
			t.Error("too few can administer")
		}
		if members, _ := b.get(t, "/Groups/"+g)["members"].([]any); len(members) != 1 {
			t.Error("the refused change stayed")
		}
	})
}

func TestGroupsGiveRolesOnScopes(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/finance", "name": "Finance", "team": "finance"})
		id := b.mapping(t, map[string]any{"group": "Auditors", "role": "viewer", "scope": "/finance"})
		ann := b.join(t, "ann@example.com")
		b.group(t, "Auditors", ann)
		may := func() bool {
			var allowed bool
			err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) error {
				subject, err := s.Subject(context.Background(), "member:ann@example.com")
				allowed = err == nil && len(subject.Assignments) == 1 && subject.Assignments[0].Scope == "/finance"
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return allowed
		}
		if !may() {
			t.Error("the group gives no role")
		}
		b.Delete(t, objecttest.Stack(b.Owner, "infra"), api.SCIMGroupMappingKind, id)
		if may() {
			t.Error("the role outlives its mapping")
		}
	})
}

func TestDeletedGroupDoesWhatItsMappingSays(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "staff", "name": "Staff"})
		b.mapping(t, map[string]any{"group": "Designers", "team": "staff", "team_role": "viewer", "on_group_deleted": "keep"})
		ann := b.join(t, "ann@example.com")
		g := b.group(t, "Designers", ann)
		b.wantTeams(t, "ann@example.com", map[string]string{"design": "editor by scim", "staff": "viewer by scim"})
		b.call(t, http.StatusNoContent, "DELETE", "/Groups/"+g, "")
		b.wantTeams(t, "ann@example.com", map[string]string{"staff": "viewer by manual"})
		b.group(t, "Reviewers", ann) // a later push does not take what was kept
		b.wantTeams(t, "ann@example.com", map[string]string{"review": "reviewer by scim", "staff": "viewer by manual"})
	})
}

func TestBulkRemovalFromAMappedGroupIsHeld(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		var ids []string
		for i := range 12 {
			ids = append(ids, b.join(t, fmt.Sprintf("p%d@example.com", i)))
		}
		mapped, free := b.group(t, "Designers", ids...), b.group(t, "Lunch", ids...)
		b.patch(t, "/Groups/"+free, `{"op":"remove","path":"members"}`) // gives nothing: takes nothing
		b.call(t, http.StatusForbidden, "PATCH", "/Groups/"+mapped, `{"Operations":[{"op":"replace","path":"members","value":`+refs(ids[0])+`}]}`)
		b.wantTeams(t, "p11@example.com", map[string]string{"design": "editor by scim"})
		if n := b.rowCount(t, "scim_group_member", "group_id = $1", mapped); n != 12 {
			t.Errorf("%d members after the refusal, want 12", n)
		}
		b.patch(t, "/Groups/"+mapped, remove(ids[11])) // one person never waits
		b.wantTeams(t, "p11@example.com", map[string]string{})
		held := b.events(t, provisioning.EventFilter{Outcome: provisioning.OutcomeQuarantined, Target: mapped})
		if len(held) != 1 {
			t.Fatalf("events = %+v", held)
		}
		err := b.Service.Do(context.Background(), b.Admin, func(s *object.Scope) error {
			_, err := provisioning.Release(context.Background(), s, held[0].ID)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		b.patch(t, "/Groups/"+mapped, `{"op":"replace","path":"members","value":`+refs(ids[0])+`}`)
		b.wantTeams(t, "p5@example.com", map[string]string{})
	})
}

func TestMoverWithDirectGrantsIsNamedForReview(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		g := b.group(t, "Designers", ann)
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		grant := b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "member:ann@example.com", "level": "edit"}).GetMeta().ID
		b.patch(t, "/Groups/"+g, remove(ann))
		events := b.Events(t, audit.Filter{Action: "provisioning.review_suggested"})
		if len(events) != 1 || !strings.Contains(strings.Join(events[0].Reasons, " "), grant) {
			t.Errorf("events = %+v", events)
		}
	})
}

func TestGrantToAPushedGroupReachesItsPeopleAtOnce(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		g := b.group(t, "Okta-Guests", ann)
		b.Create(t, b.Owner, api.ProjectKind, map[string]any{"path": "/brand", "name": "Brand", "team": "design"})
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/brand", "principal": "group:Okta-Guests", "level": "view"})
		grants := func() (n int) {
			err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) error {
				subject, err := s.Subject(context.Background(), "member:ann@example.com")
				if err == nil {
					n = len(subject.Grants["/brand"])
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
		if grants() != 1 {
			t.Error("the grant to the group does not reach its people")
		}
		b.patch(t, "/Groups/"+g, remove(ann))
		if grants() != 0 {
			t.Error("who left the group keeps its grant")
		}
	})
}

func TestDirectoryGroupsSayWhatIsMapped(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.company(t)
		ann := b.join(t, "ann@example.com")
		b.group(t, "Designers", ann)
		b.group(t, "Lunch")
		var got []string
		err := b.Service.View(context.Background(), b.Admin, func(s *object.Scope) error {
			got = nil
			for cursor := ""; ; {
				page, err := provisioning.Groups(context.Background(), s, cursor, 1)
				if err != nil {
					return err
				}
				for _, g := range page.Items {
					got = append(got, fmt.Sprintf("%s %s %d %v", g.Connection, g.DisplayName, g.Members, g.Mapped))
				}
				if cursor = page.NextCursor; cursor == "" {
					return nil
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"okta Designers 1 true", "okta Lunch 0 false"}, got); diff != "" {
			t.Error(diff)
		}
	})
}
