package export

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

var now = time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)

// rendered writes documents of kinds as a configuration, without a server.
func rendered(t *testing.T, opts Options, add func(s *selection)) *Result {
	t.Helper()
	opts.Now = now
	s := &selection{workspace: "acme", opts: opts}
	add(s)
	r, err := s.render()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func manager(kind string) map[string]any { return map[string]any{"kind": kind} }

func TestWhatIsNotOursIsLeftOutAndSaid(t *testing.T) {
	member := func(email, role, source, managedBy string) client.Document {
		return client.Document{"key": email, "email": email, "workspace_role": role, "display_name": "Shown", "active": true, "source": source, "managed_by": manager(managedBy)}
	}
	membership := func(who, source, expires string) client.Document {
		d := client.Document{"key": "design/" + who, "team": "design", "principal": who, "role": "viewer", "source": source, "managed_by": manager(source)}
		if expires != "" {
			d["expires_at"] = expires
		}
		return d
	}
	add := func(s *selection) {
		s.add(api.MemberKind, []client.Document{
			member("zoe@example.com", "admin", "manual", "manual"), member("tom@example.com", "member", "terraform", "terraform"),
			member("owner@example.com", "owner", "system", "system"), member("guest@example.com", "guest", "manual", "manual"),
			member("sam@example.com", "member", "scim", "scim"), member("sue@example.com", "member", "scim", "manual"),
			member("syd@example.com", "admin", "scim", "terraform"),
		})
		s.add(api.TeamMembershipKind, []client.Document{
			membership("zoe@example.com", "manual", ""), membership("tom@example.com", "terraform", "2027-02-01T00:00:00Z"),
			membership("sam@example.com", "scim", ""), membership("old@example.com", "manual", "2026-12-31T23:59:59Z"),
		})
		s.add(api.MFAPolicyKind, []client.Document{{"key": "acme", "requirement": "all_users", "managed_by": manager("system")}})
	}
	names := func(r *Result) (out []string) {
		for _, line := range strings.Split(r.file("imports.tf"), "\n") {
			if name, ok := strings.CutPrefix(line, "  to = gatehouse_"); ok {
				out = append(out, name)
			}
		}
		return out
	}
	all := rendered(t, Options{}, add)
	if diff := cmp.Diff([]string{"member.syd", "member.tom", "member.zoe", "team_membership.design_tom", "team_membership.design_zoe", "mfa_policy.this"}, names(all)); diff != "" {
		t.Errorf("exported:\n%s", diff)
	}
	people := all.file("people.tf")
	for _, want := range []string{
		`# Not here: 1 member ("owner@example.com"), because ` + reasonOwner + ".",
		`# Not here: 1 member ("guest@example.com"), because ` + reasonGuest + ".",
		`# Not here: 2 members ("sam@example.com", "sue@example.com"), because ` + reasonSCIM + ".",
		`# Not here: 1 team membership ("design/sam@example.com"), because ` + reasonSCIM + ".",
		`# Not here: 1 team membership ("design/old@example.com"), because ` + reasonExpired + ".",
		// What the identity provider decides of a person whose role is code.
		"resource \"gatehouse_member\" \"syd\" {\n  email          = \"syd@example.com\"\n  workspace_role = \"admin\"\n}",
		"resource \"gatehouse_member\" \"tom\" {\n  email        = \"tom@example.com\"\n  display_name = \"Shown\"\n}",
	} {
		if !strings.Contains(people, want) {
			t.Errorf("people.tf does not say %s:\n%s", want, people)
		}
	}
	unmanaged := rendered(t, Options{UnmanagedOnly: true}, add)
	if diff := cmp.Diff([]string{"member.zoe", "team_membership.design_zoe"}, names(unmanaged)); diff != "" {
		t.Errorf("exported as unmanaged:\n%s", diff)
	}
	if !strings.Contains(unmanaged.file("signin.tf"), "nobody has ever set it") {
		t.Errorf("signin.tf does not say what became of the policy:\n%s", unmanaged.file("signin.tf"))
	}
}

func TestWhatTerraformWouldRefuseDoesNotSpoilTheRest(t *testing.T) {
	r := rendered(t, Options{}, func(s *selection) {
		s.add(api.SSOConnectionKind, []client.Document{
			{"key": "old", "name": "old", "protocol": "saml", "saml": map[string]any{"entity_id": "x", "sso_url": "https://idp.example.com", "certificates": []any{"expired"}}},
			{"key": "good", "name": "good", "protocol": "oidc", "oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "x", "scopes": []any{"openid"}}},
		})
	})
	if text := r.file("signin.tf"); r.Resources != 1 || !strings.Contains(text, `Not here: 1 sso connection ("old"), because Terraform would refuse them as they are: /saml/certificates/0`) {
		t.Errorf("%d resources:\n%s", r.Resources, text)
	}
}

// Names, keys and reasons reach comments too; there no quote would hold them back.
func TestNoTextBreaksOutOfAComment(t *testing.T) {
	const evil = "x\nresource \"gatehouse_member\" \"evil\" {}\r\u2028#"
	r := rendered(t, Options{}, func(s *selection) {
		s.add(api.SCIMGroupMappingKind, []client.Document{{"key": "okta/" + evil, "connection_name": "okta", "group": evil, "workspace_role": "owner" + evil}})
		s.add(api.RoleAssignmentKind, []client.Document{{"key": evil, "role": "x", "principal": "group:" + evil, "scope": "/", "managed_by": manager("scim")}})
	})
	for _, f := range r.Files {
		parsed, diags := hclsyntax.ParseConfig(f.Content, f.Name, hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		for _, b := range parsed.Body.(*hclsyntax.Body).Blocks {
			if f.Name != "main.tf" {
				t.Errorf("%s has a block %s %v:\n%s", f.Name, b.Type, b.Labels, f.Content)
			}
		}
	}
	if len(r.LeftOut) != 2 {
		t.Errorf("left out: %v", r.LeftOut)
	}
}

func TestReferencesLeadOnlyToWhatIsExported(t *testing.T) {
	r := rendered(t, Options{}, func(s *selection) {
		s.add(api.MemberKind, []client.Document{{"key": "ann@example.com", "email": "ann@example.com", "workspace_role": "member", "active": true}})
		s.add(api.TeamKind, []client.Document{{"key": "design", "slug": "design", "name": "Design", "external_allowed": false, "transfer_to": "design-2"}, {"key": "design-2", "slug": "design-2", "name": "Two", "transfer_to": "design"}})
		s.add(api.ProjectKind, []client.Document{{"key": "/a", "path": "/a", "name": "A", "team": "gone", "owner": "ann@example.com"}, {"key": "/ab", "path": "/ab", "name": "AB", "team": "design"}})
		s.add(api.AccessGrantKind, []client.Document{
			{"key": "1", "resource": "/a/b/c", "principal": "team:design", "level": "view"},
			{"key": "2", "resource": "/abc", "principal": "team:gone", "level": "view"},
			{"key": "3", "resource": "/ab", "principal": "email:ann@example.com", "role": "editor-in-chief"},
		})
	})
	text := r.file("access.tf") + r.file("people.tf")
	for _, want := range []string{
		`team  = "gone"`, `owner = gatehouse_member.ann.email`, `team = gatehouse_team.design.slug`,
		`resource  = "${gatehouse_project.a.path}/b/c"`, `principal = "team:${gatehouse_team.design.slug}"`,
		`resource  = "/abc"`, `principal = "team:gone"`,
		`resource  = gatehouse_project.ab.path`, `principal = "email:ann@example.com"`, `role      = "editor-in-chief"`,
		// Two teams may name each other here; two references would be a circle.
		`transfer_to = "design-2"`, `transfer_to = "design"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("there is no %s:\n%s", want, text)
		}
	}
}

func TestCredentialsWithTheStandardLifeDoNotNameTheirEnd(t *testing.T) {
	r := rendered(t, Options{}, func(s *selection) {
		s.add(api.APITokenKind, []client.Document{
			{"key": "a", "name": "a", "service_account": "ci", "scopes": []any{"*"}, "created_at": "2026-12-01T10:00:00.5Z", "expires_at": "2027-03-01T10:00:00.5Z"},
			{"key": "b", "name": "b", "service_account": "ci", "scopes": []any{"*"}, "created_at": "2026-12-01T10:00:00Z", "expires_at": "2027-03-02T10:00:00Z"},
		})
	})
	if text := r.file("people.tf"); strings.Count(text, "expires_at") != 1 || !strings.Contains(text, `expires_at      = "2027-03-02T10:00:00Z"`) {
		t.Error(text)
	}
}

func TestKindsAreNamedOrRefusedWithAdvice(t *testing.T) {
	for _, tt := range []struct{ asked, want string }{
		{"teams", `there is no kind "teams"; the kinds are access_grant, `},
		{"team_memberships", "export team_membership"},
	} {
		if _, err := kindsNamed([]string{"team", tt.asked}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.asked, err)
		}
	}
	kinds, err := kindsNamed([]string{" gatehouse_role", "team"})
	if err != nil || len(kinds) != 2 || kinds[0] != api.TeamKind || kinds[1] != api.RoleKind {
		t.Errorf("%v, %v", kinds, err)
	}
	var want []string
	for _, kind := range api.Kinds() {
		if !kind.View {
			want = append(want, kind.Name)
		}
	}
	if diff := cmp.Diff(want, exportable()); diff != "" {
		t.Errorf("not every kind with objects of its own is exported once:\n%s", diff)
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "infra", "access")
	r := rendered(t, Options{}, func(s *selection) {
		s.add(api.TeamKind, []client.Document{{"key": "design", "slug": "design", "name": "Design"}})
	})
	if err := r.Write(dir); err != nil {
		t.Fatal(err)
	}
	mine := filepath.Join(dir, "people.tf")
	if err := os.WriteFile(mine, []byte("# mine\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "main.tf")); err != nil {
		t.Fatal(err)
	}
	err := r.Write(dir)
	if err == nil || !strings.Contains(err.Error(), "people.tf, imports.tf is there already") {
		t.Errorf("%v", err)
	}
	raw, _ := os.ReadFile(mine)
	if _, missing := os.Stat(filepath.Join(dir, "main.tf")); string(raw) != "# mine\n" || missing == nil {
		t.Errorf("a refused export wrote something: %q, %v", raw, missing)
	}
}

func TestATokenThatMayNotReadIsToldWhatToDo(t *testing.T) {
	w := newWorld(t)
	_, err := Export(t.Context(), w.connect(w.MemberToken, "").Workspace(w.Workspace), Options{Now: time.Now()})
	if err == nil || !strings.Contains(err.Error(), "Use a token that may read everything") || strings.Contains(err.Error(), w.MemberToken) {
		t.Errorf("%v", err)
	}
}
