package directory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/provisioning"
)

// GH-AZ-04 holds for what groups mean: the identity provider is not refused, and
// nobody receives both duties.
func TestGroupsDoNotGiveBothDutiesOfARule(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		for role, permission := range map[string]string{"asker": "review.request", "judge": "review.verdict"} {
			b.Create(t, b.Owner, api.RoleKind, map[string]any{"name": role, "statements": []any{map[string]any{"effect": "allow", "permissions": []string{permission}}}})
		}
		b.mapping(t, map[string]any{"group": "Askers", "role": "asker", "scope": "/"})
		b.mapping(t, map[string]any{"group": "Judges", "role": "judge", "scope": "/"})
		b.mapping(t, map[string]any{"group": "Admins", "workspace_role": "admin"})
		b.Create(t, b.Owner, api.SeparationOfDutiesRuleKind, map[string]any{"name": "four-eyes", "left": map[string]any{"roles": []string{"asker"}}, "right": map[string]any{"roles": []string{"judge"}}})
		b.Create(t, b.Owner, api.SeparationOfDutiesRuleKind, map[string]any{"name": "no-admins", "left": map[string]any{"roles": []string{"asker"}}, "right": map[string]any{"permissions": []string{"member.write"}}})
		ann, bob := b.join(t, "ann@example.com"), b.join(t, "bob@example.com")
		askers, judges, admins := b.group(t, "Askers", ann), b.group(t, "Judges"), b.group(t, "Admins")
		roles := func(email string) string {
			t.Helper()
			page, err := b.Service.List(t.Context(), b.Owner, api.RoleAssignmentKind, map[string]string{"principal": "member:" + email}, "", 0)
			if err != nil {
				t.Fatal(err)
			}
			var out []string
			for _, o := range page.Items {
				out = append(out, o.(*api.RoleAssignment).Role)
			}
			m := b.Get(t, b.Owner, api.MemberKind, email).(*api.Member)
			return strings.Join(append(out, m.WorkspaceRole), " ")
		}
		b.patch(t, "/Groups/"+judges, add(ann, bob))
		b.patch(t, "/Groups/"+admins, add(ann))
		if got := roles("ann@example.com"); got != "asker member" {
			t.Errorf("ann has %q, want the duty that she had alone", got)
		}
		if got := roles("bob@example.com"); got != "judge member" {
			t.Errorf("bob has %q; the rule is about somebody else", got)
		}
		var withheld []string
		for _, e := range b.Events(t, audit.Filter{Action: "separation_of_duties.withheld"}) {
			withheld = append(withheld, e.Target.Key)
		}
		if diff := cmp.Diff([]string{"four-eyes"}, withheld[:1]); diff != "" || !strings.Contains(strings.Join(withheld, " "), "no-admins") {
			t.Errorf("withheld = %v", withheld)
		}
		// Without the other duty, what the groups say is given.
		b.patch(t, "/Groups/"+askers, remove(ann))
		if got := roles("ann@example.com"); got != "judge admin" {
			t.Errorf("ann has %q", got)
		}
	})
}

// What a group holds by its name is withheld like what it is mapped to: from the person
// whom it would give both duties, and from nobody else.
func TestGroupsDoNotGiveBothDutiesByTheirName(t *testing.T) {
	gives := map[string]func(b *bridge){
		"a grant": func(b *bridge) {
			b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/films", "principal": "group:Judges", "role": "judge"})
		},
		"a role": func(b *bridge) {
			b.Create(t, b.Owner, api.RoleAssignmentKind, map[string]any{"role": "judge", "principal": "group:Judges", "scope": "/"})
		},
	}
	for name, give := range gives {
		t.Run(name, func(t *testing.T) {
			each(t, func(t *testing.T, b *bridge) {
				for role, permission := range map[string]string{"asker": "review.request", "judge": "review.verdict"} {
					b.Create(t, b.Owner, api.RoleKind, map[string]any{"name": role, "statements": []any{map[string]any{"effect": "allow", "permissions": []string{permission}}}})
				}
				b.Create(t, b.Owner, api.FolderKind, map[string]any{"path": "/films"})
				b.Create(t, b.Owner, api.SeparationOfDutiesRuleKind, map[string]any{"name": "four-eyes", "left": map[string]any{"roles": []string{"asker"}}, "right": map[string]any{"roles": []string{"judge"}}})
				b.mapping(t, map[string]any{"group": "Askers", "role": "asker", "scope": "/"})
				give(b)
				ann, bob := b.join(t, "ann@example.com"), b.join(t, "bob@example.com")
				askers := b.group(t, "Askers", ann)
				judges := b.group(t, "Others", ann, bob)
				may := func(email string, want bool) {
					t.Helper()
					if got := b.may(t, email, "/films", "review.verdict"); got != want {
						t.Errorf("%s may judge: %v, want %v", email, got, want)
					}
				}
				b.patch(t, "/Groups/"+judges, `{"op":"replace","path":"displayName","value":"Judges"}`)
				may("ann@example.com", false)
				may("bob@example.com", true)
				if n := len(b.Events(t, audit.Filter{Action: "separation_of_duties.withheld"})); n != 1 {
					t.Errorf("%d events of something withheld, want one", n)
				}
				// The directory is as it says, and saying it again changes nothing.
				b.patch(t, "/Groups/"+judges, add(ann))
				may("ann@example.com", false)
				b.patch(t, "/Groups/"+judges, remove(bob))
				b.patch(t, "/Groups/"+judges, add(bob))
				may("bob@example.com", true)

				b.patch(t, "/Groups/"+askers, remove(ann))
				may("ann@example.com", true)
				if n := len(b.Events(t, audit.Filter{Action: "separation_of_duties.released"})); n != 1 {
					t.Errorf("%d events of something released, want one", n)
				}
				// Now the other duty is the one that is not given.
				b.patch(t, "/Groups/"+askers, add(ann))
				may("ann@example.com", true)
				if page, err := b.Service.List(t.Context(), b.Owner, api.RoleAssignmentKind, map[string]string{"principal": "member:ann@example.com"}, "", 0); err != nil || len(page.Items) != 0 {
					t.Errorf("ann has %v, %v", page.Items, err)
				}
			})
		})
	}
}

// A part that was withheld is given when the other duty went by another door.
func TestWithheldPartIsReleasedWhenNothingForbidsItAnyMore(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		for role, permission := range map[string]string{"asker": "review.request", "judge": "review.verdict"} {
			b.Create(t, b.Owner, api.RoleKind, map[string]any{"name": role, "statements": []any{map[string]any{"effect": "allow", "permissions": []string{permission}}}})
		}
		b.Create(t, b.Owner, api.FolderKind, map[string]any{"path": "/films"})
		b.Create(t, b.Owner, api.SeparationOfDutiesRuleKind, map[string]any{"name": "four-eyes", "left": map[string]any{"roles": []string{"asker"}}, "right": map[string]any{"roles": []string{"judge"}}})
		b.Create(t, b.Owner, api.RoleAssignmentKind, map[string]any{"role": "judge", "principal": "group:Judges", "scope": "/"})
		ann := b.join(t, "ann@example.com")
		b.Create(t, b.Owner, api.RoleAssignmentKind, map[string]any{"role": "asker", "principal": "member:ann@example.com", "scope": "/"})
		judges := b.group(t, "Judges", ann)
		if b.may(t, "ann@example.com", "/films", "review.verdict") {
			t.Fatal("ann has both duties")
		}
		release := func(want int) {
			t.Helper()
			if n, err := provisioning.ReleaseWithheld(t.Context(), b.Service); err != nil || n != want {
				t.Errorf("released %d, %v; want %d", n, err, want)
			}
		}
		release(0)
		// Who leaves and comes back is weighed anew.
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":false}`)
		release(0)
		b.patch(t, "/Users/"+ann, `{"op":"replace","path":"active","value":true}`)
		if !b.may(t, "ann@example.com", "/films", "review.verdict") {
			t.Error("the duty that ended when ann left is held against her")
		}
		b.patch(t, "/Groups/"+judges, remove(ann))
		b.Create(t, b.Owner, api.RoleAssignmentKind, map[string]any{"role": "asker", "principal": "member:ann@example.com", "scope": "/"})
		b.patch(t, "/Groups/"+judges, add(ann))
		if b.may(t, "ann@example.com", "/films", "review.verdict") {
			t.Error("ann has both duties")
		}
		b.Delete(t, b.Owner, api.RoleAssignmentKind, "asker@member:ann@example.com@/")
		release(1)
		release(0)
		if !b.may(t, "ann@example.com", "/films", "review.verdict") {
			t.Error("what was withheld was not given back")
		}
	})
}

// may asks whether a member may use a permission on an item, as their next request would.
func (b *bridge) may(t testing.TB, email, path, permission string) bool {
	t.Helper()
	allowed := false
	if err := b.Service.View(t.Context(), b.Owner, func(s *object.Scope) error {
		subject, err := s.Subject(t.Context(), "member:"+email)
		if err != nil {
			return err
		}
		item, err := s.Item(t.Context(), path)
		if err != nil {
			return err
		}
		allowed = s.Engine().Check(subject, item, permission, &access.RequestContext{Time: s.Now}).Allowed
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return allowed
}

// A guest who came into a group by whatever way gets by it what needs no approval.
func TestGroupsDoNotGiveGuestsWhatNeedsApproval(t *testing.T) {
	each(t, func(t *testing.T, b *bridge) {
		b.Create(t, b.Owner, api.TeamKind, map[string]any{"slug": "film", "name": "Film", "external_allowed": true})
		b.Create(t, b.Owner, api.FolderKind, map[string]any{"path": "/films"})
		b.Create(t, b.Owner, api.FolderKind, map[string]any{"path": "/press"})
		b.mapping(t, map[string]any{"group": "Crew", "team": "film", "team_role": "viewer"})
		b.mapping(t, map[string]any{"group": "Readers", "role": "viewer", "scope": "/films"})
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/films", "principal": "team:film", "level": "view"})
		b.Create(t, b.Owner, api.AccessGrantKind, map[string]any{"resource": "/films", "principal": "group:Partners", "level": "view"})
		gina, bob := b.join(t, "gina@example.com"), b.join(t, "bob@example.com")
		if err := b.Service.Do(t.Context(), object.System(b.Workspace.ID), func(s *object.Scope) error {
			_, err := s.Tx.ExecContext(t.Context(), `UPDATE member SET role = 'guest', doc = REPLACE(doc, '"workspace_role":"member"', '"workspace_role":"guest"') WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, gina)
			return err
		}); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{"Crew", "Readers", "Partners"} {
			b.group(t, name, gina, bob)
		}
		if b.may(t, "gina@example.com", "/films", "asset.read") {
			t.Error("the guest has what nobody approved")
		}
		if !b.may(t, "bob@example.com", "/films", "asset.read") {
			t.Error("the guest keeps others from what they have")
		}
		withheld := map[string]bool{}
		for _, e := range b.Events(t, audit.Filter{Action: "external_share.withheld"}) {
			withheld[strings.Join(e.Reasons, " ")] = true
		}
		if len(withheld) != 3 {
			t.Errorf("withheld = %v, want three", withheld)
		}
		// Where the policy asks for no approval, there is nothing to withhold.
		b.Put(t, b.Owner, api.SharingPolicyKind, "", map[string]any{"require_external_approval": false})
		if n, err := provisioning.ReleaseWithheld(t.Context(), b.Service); err != nil || n != 1 {
			t.Errorf("released %d, %v", n, err)
		}
		if !b.may(t, "gina@example.com", "/films", "asset.read") {
			t.Error("the group gives nothing")
		}
	})
}
