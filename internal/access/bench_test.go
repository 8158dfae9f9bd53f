package access

import (
	"fmt"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// crowd is a workspace with 200 custom roles, of which the subject holds four,
// and with as many grants of its own as asked for.
func crowd(b *testing.B, grants int) (*Engine, *Subject, *Item) {
	b.Helper()
	set := PolicySet{}
	for i := range 200 {
		set.Roles = append(set.Roles, Role{Name: fmt.Sprintf("role-%d", i), Statements: []Statement{
			{Allow, []string{"asset.*", "item.read"}, []string{fmt.Sprintf("/p%d", i), "/finance/q1"}},
			{Allow, []string{"share_link.*"}, []string{"/finance/*/shared"}},
			{Deny, []string{"item.delete"}, nil},
		}})
	}
	for i := range 20 {
		set.Policies = append(set.Policies, AttributePolicy{Name: fmt.Sprintf("policy-%d", i), Effect: Deny,
			Permissions: []string{[]string{"asset.download", "asset.read", "grant.*", "audit.read"}[i%4]}, Condition: `!context.device_known && context.mfa_age > 900`})
	}
	s := person(b, vocabulary.RoleMember)
	s.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamEditor, "legal": vocabulary.TeamViewer}
	for i := range 4 {
		s.assigned(fmt.Sprintf("role-%d", i*40), "/")
	}
	for i := range grants {
		s.granted(fmt.Sprintf("/p%d/f", i), Grant{Level: vocabulary.LevelView})
	}
	s.granted("/finance", Grant{Level: vocabulary.LevelEdit})
	w := tree{"/finance": {Kind: ItemProject, Team: "design"}, "/finance/q1/reports/a": {Kind: ItemAsset}}
	return engine(b, set), s, w.item("/finance/q1/reports/a")
}

// The goal is 20 µs with 200 custom roles, and flat in the number of grants.
func BenchmarkCheck(b *testing.B) {
	for _, grants := range []int{1, 1_000, 100_000} {
		b.Run(fmt.Sprintf("roles=200/grants=%d", grants), func(b *testing.B) {
			e, s, item := crowd(b, grants)
			rc := atNoon()
			b.ReportAllocs()
			for b.Loop() {
				if !e.Check(s, item, "asset.read", rc).Allowed {
					b.Fatal("denied")
				}
			}
		})
	}
}

func BenchmarkCheckDenied(b *testing.B) {
	e, s, item := crowd(b, 1)
	rc := atNoon()
	b.ReportAllocs()
	for b.Loop() {
		if e.Check(s, item, "item.delete", rc).Allowed {
			b.Fatal("allowed")
		}
	}
}

func BenchmarkEffectiveLevel(b *testing.B) {
	e, s, item := crowd(b, 1)
	rc := atNoon()
	b.ReportAllocs()
	for b.Loop() {
		if e.EffectiveLevel(s, item, rc) != vocabulary.LevelEdit {
			b.Fatal("not edit")
		}
	}
}

// A snapshot is compiled whenever authz_version changes.
func BenchmarkNew(b *testing.B) {
	set := PolicySet{Workspace: "acme"}
	for i := range 200 {
		set.Roles = append(set.Roles, Role{Name: fmt.Sprintf("role-%d", i), Statements: []Statement{
			{Allow, []string{"asset.*"}, []string{"/finance"}}, {Deny, []string{"item.delete"}, nil},
		}})
	}
	for b.Loop() {
		if _, err := New(set); err != nil {
			b.Fatal(err)
		}
	}
}
