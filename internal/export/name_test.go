package export

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestIdentifierIsAValidName(t *testing.T) {
	for text, want := range map[string]string{
		"design":                   "design",
		"design-team":              "design_team",
		"/finance/quarterly":       "finance_quarterly",
		"Ann.O'Neil+x@example.com": "ann_o_neil_x_example_com",
		"  ${x} %{if} \"y\"\n":     "x_if_y",
		"2027-plans":               "team_2027_plans",
		"***":                      "team",
		"":                         "team",
		"Ingénierie":               "ingénierie",
		"Inge\u0301nierie":         "ingénierie", // the same word, decomposed
		"Конструкторы ⚙ Москва": "конструкторы_москва",
		"٣٤":                           "team_٣٤",
		"ⸯa":                           "a", // a letter to Unicode, and punctuation to HCL
		"\u200b\u202ehidden":           "hidden",
		strings.Repeat("a", 59) + "-b": strings.Repeat("a", 59),
		strings.Repeat("é", 90):        strings.Repeat("é", 60),
	} {
		got := identifier("team", text)
		if got != want {
			t.Errorf("identifier(%q) = %q, want %q", text, got, want)
		}
		if !hclsyntax.ValidIdentifier(got) || utf8.RuneCountInString(got) > maxName+len("team_") {
			t.Errorf("identifier(%q) = %q is not a name", text, got)
		}
	}
}

func FuzzIdentifierIsAValidName(f *testing.F) {
	for _, text := range []string{"design", "ⸯ", "１２", "a\u0301\u0301", "\xff\xfe", "İ", "ﬀ"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if got := identifier("team", text); !hclsyntax.ValidIdentifier(got) {
			t.Errorf("identifier(%q) = %q is not valid", text, got)
		}
	})
}

func TestNamesAreShortWhereTheyCanBeAndUniqueAlways(t *testing.T) {
	tests := []struct {
		name string
		kind *api.Kind
		attr []map[string]string
		want []string
	}{
		{"a person is known by the name before the @", api.MemberKind,
			[]map[string]string{{"email": "ann@example.com"}, {"email": "ben@example.com"}, {"email": "ben@example.net"}},
			[]string{"ann", "ben_example_com", "ben_example_net"}},
		{"what punctuation told apart gets numbers, in order", api.MemberKind,
			[]map[string]string{{"email": "a-b@example.com"}, {"email": "a.b@example.com"}, {"email": "a_b@example.com"}},
			[]string{"a_b_example_com", "a_b_example_com_2", "a_b_example_com_3"}},
		{"a number does not take a name that is another's", api.ProjectKind,
			[]map[string]string{{"key": "/a-b"}, {"key": "/a.b"}, {"key": "/a_b/2"}},
			[]string{"a_b", "a_b_3", "a_b_2"}},
		{"a grant says on what and to whom", api.AccessGrantKind,
			[]map[string]string{
				{"resource": "/finance", "principal": "member:ann@example.com"}, {"resource": "/finance", "principal": "team:design"},
				{"resource": "/hr", "principal": "team:ann"}, {"resource": "/hr", "principal": "member:ann@example.com"},
			},
			[]string{"finance_ann", "finance_design", "hr_team_ann", "hr_member_ann_example_com"}},
		{"an assignment on the workspace does not say so", api.RoleAssignmentKind,
			[]map[string]string{{"role": "auditor", "principal": "team:design", "scope": "/"}, {"role": "auditor", "principal": "team:design", "scope": "/finance"}},
			[]string{"auditor_design", "auditor_design_finance"}},
		{"mappings of one group are told apart by what they lead to", api.SCIMGroupMappingKind,
			[]map[string]string{
				{"connection_name": "okta", "group": "Leads", "team": "design"}, {"connection_name": "okta", "group": "Leads", "workspace_role": "admin"},
				{"connection_name": "okta", "group": "external:00g1", "team": "design"},
			},
			[]string{"okta_leads_design", "okta_leads_admin", "okta_00g1"}},
		{"a membership is of a team", api.TeamMembershipKind,
			[]map[string]string{{"team": "design", "principal": "ann@example.com"}},
			[]string{"design_ann"}},
		{"a policy is the one there is", api.MFAPolicyKind, []map[string]string{{"key": "acme"}}, []string{"this"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var objects []*object
			for _, attr := range tt.attr {
				doc := client.Document{}
				for name, v := range attr {
					doc[name] = v
				}
				objects = append(objects, &object{kind: tt.kind, doc: doc})
			}
			nameAll(tt.kind, objects)
			var got []string
			for _, o := range objects {
				got = append(got, o.name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestEveryKindBelongsToAFile(t *testing.T) {
	known := map[string]bool{}
	for _, f := range families {
		for _, name := range f.kinds {
			known[name] = true
		}
	}
	for _, kind := range api.Kinds() {
		if !kind.View && !known[kind.Name] {
			t.Errorf("%s is exported to %s for want of a better place; add it to the families", kind.Name, fileOf(kind))
		}
	}
	for to, attr := range namedBy {
		if kind := api.KindByName(to); kind == nil || kind.Field(attr) == nil {
			t.Errorf("%s is said to be named by %s, which it does not have", to, attr)
		}
	}
}
