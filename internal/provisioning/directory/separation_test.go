package directory_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
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
