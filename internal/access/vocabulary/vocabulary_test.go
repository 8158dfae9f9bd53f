package vocabulary

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLevelsAreOrderedAndEachIncludesTheOneBelow(t *testing.T) {
	previous := map[string]bool{}
	for _, l := range Levels() {
		names := PermissionsOfLevel(l)
		if len(names) <= len(previous) {
			t.Errorf("%s adds nothing to the level below", l)
		}
		now := map[string]bool{}
		for _, n := range names {
			now[n] = true
		}
		for n := range previous {
			if !now[n] {
				t.Errorf("%s lost %s", l, n)
			}
		}
		previous = now
	}
	if got := PermissionsOfLevel(LevelNone); got != nil {
		t.Errorf("no level allows %v", got)
	}
}

func TestParseLevelAcceptsNamesAndRoleAliases(t *testing.T) {
	for text, want := range map[string]Level{
		"none": LevelNone, "view": LevelView, "Viewer": LevelView, "comment": LevelComment,
		"Commenter": LevelComment, "edit": LevelEdit, "EDITOR": LevelEdit, "manage": LevelManage,
		"manager": LevelManage, "full_access": LevelFullAccess, "Admin": LevelFullAccess, " view ": LevelView,
	} {
		got, err := ParseLevel(text)
		if err != nil || got != want {
			t.Errorf("ParseLevel(%q) = %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "owner", "full access", "views"} {
		if _, err := ParseLevel(text); err == nil {
			t.Errorf("ParseLevel(%q) was accepted", text)
		}
	}
	for _, l := range Levels() {
		text, err := l.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var back Level
		if err := back.UnmarshalText(text); err != nil || back != l {
			t.Errorf("%s does not survive the wire: %v, %v", l, back, err)
		}
		if alias, err := ParseLevel(l.RoleName()); err != nil || alias != l {
			t.Errorf("role name %q of %s reads back as %v, %v", l.RoleName(), l, alias, err)
		}
	}
	if _, err := Level(9).MarshalText(); err == nil {
		t.Error("a level that does not exist was written")
	}
}

// C021–C025 and X04, spelled out: the lowest level that includes each atom.
func TestItemPermissionsFollowTheFiveLevels(t *testing.T) {
	want := map[string]Level{
		"asset.read": LevelView, "reaction.create": LevelView, "item.read": LevelView,
		"comment.create": LevelComment, "mention.create": LevelComment, "comment.voice": LevelComment, "annotation.create": LevelComment,
		"asset.create": LevelEdit, "asset.update": LevelEdit, "asset.metadata.update": LevelEdit, "workflow.run": LevelEdit,
		"asset.delete.own": LevelEdit, "asset.download": LevelEdit, "review.verdict": LevelEdit, "item.create": LevelEdit, "item.update": LevelEdit,
		"grant.read": LevelManage, "grant.create": LevelManage, "grant.update": LevelManage, "grant.delete": LevelManage,
		"member.invite": LevelManage, "member.remove": LevelManage, "collection.create": LevelManage, "collection.update": LevelManage,
		"collection.delete": LevelManage, "thread.resolve": LevelManage, "thread.archive": LevelManage, "item.settings": LevelManage,
		"share_link.create": LevelManage, "share_link.read": LevelManage, "share_link.update": LevelManage, "share_link.delete": LevelManage,
		"sharing.manage": LevelManage,
		"item.delete":    LevelFullAccess, "item.owner.transfer": LevelFullAccess,
	}
	for name, lowest := range want {
		for _, l := range append([]Level{LevelNone}, Levels()...) {
			if got := LevelAllows(l, name); got != (l >= lowest) {
				t.Errorf("LevelAllows(%s, %s) = %v", l, name, got)
			}
		}
	}
	if LevelAllows(LevelFullAccess, "audit.read") || LevelAllows(LevelFullAccess, "nothing.here") || LevelAllows(Level(9), "asset.read") {
		t.Error("a level allows what is no item permission, or a level that does not exist allows something")
	}
}

func TestWorkspacePermissionsFollowTheRoles(t *testing.T) {
	for name, want := range map[string][]Role{
		"audit.read":                        {RoleOwner, RoleAdmin},
		"team.write":                        {RoleOwner, RoleAdmin}, // X24
		"project.write":                     {RoleOwner, RoleAdmin, RoleMember},
		"folder.write":                      {RoleOwner, RoleAdmin, RoleMember},
		"member.read":                       {RoleOwner, RoleAdmin, RoleMember},
		"scim_token.read":                   {RoleOwner, RoleAdmin},
		"workspace.read":                    {RoleOwner, RoleAdmin, RoleMember, RoleGuest},
		"workspace_owner.write":             {RoleOwner},
		"project.owner.transfer":            {RoleOwner}, // C032
		"sharing_policy.guest_access.write": {RoleOwner}, // X08
		"project.guest_ai_workflows.write":  {RoleOwner},
		"workspace.close":                   {RoleOwner},
	} {
		p, ok := Lookup(name)
		if !ok {
			t.Errorf("%s is not in the catalogue", name)
			continue
		}
		if diff := cmp.Diff(want, p.WorkspaceRoles); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if p.OwnerOnly() != (len(want) == 1) {
			t.Errorf("%s: OwnerOnly is %v", name, p.OwnerOnly())
		}
	}
	for _, p := range Permissions() {
		if p.Description == "" || p.Name != strings.ToLower(p.Name) || !strings.Contains(p.Name, ".") {
			t.Errorf("permission %+v lacks a description or a noun.verb name", p)
		}
		switch p.Scope {
		case ScopeItem:
			if p.MinLevel < LevelView || len(p.WorkspaceRoles) != 0 {
				t.Errorf("item permission %s: level %s, roles %v", p.Name, p.MinLevel, p.WorkspaceRoles)
			}
		case ScopeWorkspace:
			if p.MinLevel != LevelNone || p.Governance || len(p.WorkspaceRoles) == 0 || p.WorkspaceRoles[0] != RoleOwner {
				t.Errorf("workspace permission %s: level %s, roles %v", p.Name, p.MinLevel, p.WorkspaceRoles)
			}
			if p.AllowsRole(RoleAdmin) == p.OwnerOnly() {
				t.Errorf("%s: an admin may do everything except what is owner only", p.Name)
			}
			if p.AllowsRole(RoleGuest) && !p.ReadOnly() && p.Name != "notification.write" { // that is their own
				t.Errorf("%s: a guest may change something of the workspace (C016)", p.Name)
			}
		}
	}
}

func TestRolesHaveTheirPlaceCeilingAndTeamMapping(t *testing.T) {
	roles := append(Roles(), RoleViewer)
	if !slices.IsSortedFunc(roles, func(a, b Role) int { return b.Authority() - a.Authority() }) {
		t.Error("roles are not listed by authority (X21)")
	}
	ceilings := map[Role]Level{RoleOwner: LevelFullAccess, RoleAdmin: LevelFullAccess, RoleMember: LevelFullAccess, RoleGuest: LevelEdit, RoleViewer: LevelComment, "": LevelNone, "root": LevelNone}
	for r, want := range ceilings {
		if got := r.Ceiling(); got != want {
			t.Errorf("%q reaches %s, want %s", r, got, want)
		}
	}
	teams := map[TeamRole]Level{TeamAdmin: LevelManage, TeamEditor: LevelEdit, TeamReviewer: LevelComment, TeamViewer: LevelView, "": LevelNone}
	for r, want := range teams {
		if got := r.Level(); got != want {
			t.Errorf("team role %q gives %s, want %s", r, got, want)
		}
	}
	if diff := cmp.Diff([]string{"review.verdict"}, TeamReviewer.Extra()); diff != "" {
		t.Error(diff)
	}
	if _, err := ParseRole("Admin"); err != nil {
		t.Error(err)
	}
	if _, err := ParseRole("root"); err == nil {
		t.Error("role root was accepted")
	}
	if _, err := ParseTeamRole("admin"); err == nil {
		t.Error("team role admin was accepted; the word is team_admin")
	}
}

func TestPermissionWildcardsCoverWholeWords(t *testing.T) {
	for _, c := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "asset.read", true}, {"asset.*", "asset.delete.own", true}, {"asset.delete.*", "asset.delete.own", true},
		{"asset.*", "assets.read", false}, {"asset.*", "asset", false}, {".*", ".read", false}, {"asset.read", "asset.read", true},
		{"asset.read", "asset.read.more", false}, {"ass*", "asset.read", false},
	} {
		if got := MatchPermission(c.pattern, c.name); got != c.want {
			t.Errorf("MatchPermission(%q, %q) = %v", c.pattern, c.name, got)
		}
	}
	all, err := Expand("*")
	if err != nil || len(all) != len(Permissions()) {
		t.Errorf("* covers %d of %d, %v", len(all), len(Permissions()), err)
	}
	got, err := ExpandAll([]string{"share_link.*", "share_link.read", "asset.read"})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"asset.read", "share_link.create", "share_link.delete", "share_link.read", "share_link.update"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMisspeltPermissionGetsTheNearestName(t *testing.T) {
	for misspelt, want := range map[string]string{
		"asset.reed": "asset.read", "assets.read": "asset.read", "share_links.create": "share_link.create",
		"ASSET.READ": "asset.read", "assets.*": "asset.*", "qqqqqqqq": "", "": "", strings.Repeat("a", 500): "",
	} {
		if got := Suggest(misspelt); got != want {
			t.Errorf("Suggest(%q) = %q, want %q", misspelt, got, want)
		}
	}
	_, err := Expand("asset.raed")
	if err == nil || !strings.Contains(err.Error(), `did you mean "asset.read"`) {
		t.Errorf("error does not help: %v", err)
	}
}

func TestPrincipalStringsAreNormalisedAndChecked(t *testing.T) {
	for text, want := range map[string]string{
		"member:Ann@Example.com": "member:ann@example.com", "service_account:ci": "service_account:ci",
		"team:Design": "team:design", "group:Okta-Designers": "group:Okta-Designers", "group:a:b/c d": "group:a:b/c d",
		"email:x@example.com": "email:x@example.com", "viewer:x@example.com": "viewer:x@example.com",
		"viewer:device-1a2b": "viewer:device-1a2b", "operator:root": "operator:root", "member:o'brien+x@example.co.uk": "member:o'brien+x@example.co.uk",
	} {
		p, err := ParsePrincipal(text)
		if err != nil || p.String() != want {
			t.Errorf("ParsePrincipal(%q) = %q, %v; want %q", text, p, err, want)
		}
	}
	for _, text := range []string{
		"", ":", "ann@example.com", "member:", "member:ann", "member:ann@", "member:@example.com", "member:a b@example.com",
		"member:a@b@c.com", "member:\"a\"@example.com", "team:de sign", "team:-x", "team:../x", "user:ann@example.com",
		"Member:ann@example.com", "group: x", "group:a\nb", "group:" + strings.Repeat("x", 400), "member:ann@exa\u212Aple.com",
		"service_account:\u212Aelvin", "group:\xff", "member:ann@-example.com", "member:ann@example..com",
	} {
		if p, err := ParsePrincipal(text); err == nil {
			t.Errorf("ParsePrincipal(%q) gave %q", text, p)
		}
	}
	if _, err := ParsePrincipal("ann@example.com"); err == nil || !strings.Contains(err.Error(), "member:ann@example.com") {
		t.Errorf("a bare address gets no help: %v", err)
	}
}

func TestPathsHaveOneForm(t *testing.T) {
	for text, want := range map[string]string{"/": "/", "/Finance": "/finance", "/finance/": "/finance", "/finance/q3.report_v-2": "/finance/q3.report_v-2"} {
		got, err := NormalizePath(text)
		if err != nil || got != want {
			t.Errorf("NormalizePath(%q) = %q, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "finance", "//", "/a//b", "/..", "/a/../b", "/.a", "/a b", "/é", "/\u212A", "/a\x00", "/a*", strings.Repeat("/a", 33), "/" + strings.Repeat("a", 64)} {
		if got, err := NormalizePath(text); err == nil {
			t.Errorf("NormalizePath(%q) gave %q", text, got)
		}
	}
	if ValidatePath("/Finance") == nil || ValidatePath("/finance") != nil {
		t.Error("ValidatePath accepts only the normal form")
	}
}

func TestScopeContainsComparesWholeSegments(t *testing.T) {
	for _, c := range []struct {
		parent, child string
		want          bool
	}{
		{"/", "/", true}, {"/", "/a", true}, {"/fin", "/finance", false}, {"/finance", "/finance", true},
		{"/finance", "/finance/q", true}, {"/finance/q", "/finance", false}, {"", "/a", false}, {"/", "", false},
	} {
		if got := ScopeContains(c.parent, c.child); got != c.want {
			t.Errorf("ScopeContains(%q, %q) = %v", c.parent, c.child, got)
		}
	}
	if diff := cmp.Diff([]string{"/", "/a", "/a/b"}, PathAncestors("/a/b")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"/"}, PathAncestors("/")); diff != "" {
		t.Error(diff)
	}
	if ParentPath("/a/b") != "/a" || ParentPath("/a") != "/" || ParentPath("/") != "/" || PathDepth("/") != 0 || PathDepth("/a/b") != 2 {
		t.Error("parent or depth of a path is wrong")
	}
}

func TestPathPatternsCoverTheItemAndWhatIsBelow(t *testing.T) {
	for _, c := range []struct {
		pattern, path string
		want          bool
	}{
		{"/", "/", true}, {"/", "/a/b", true}, {"/**", "/", true}, {"/**", "/a", true}, {"/*", "/", false}, {"/*", "/a/b", true},
		{"/finance", "/finance", true}, {"/finance", "/finance/q/r", true}, {"/finance", "/finances", false},
		{"/finance/*", "/finance", false}, {"/finance/*", "/finance/q", true}, {"/finance/**", "/finance", true},
		{"/*/payroll", "/finance/payroll", true}, {"/*/payroll", "/a/b/payroll", false}, {"/*/payroll", "/finance/payroll/x", true},
		{"/**/payroll", "/a/b/payroll/x", true}, {"/**/payroll", "/payroll", true}, {"/**/payroll", "/a/b", false},
		{"/f/2024-*", "/f/2024-q1", true}, {"/f/2024-*", "/f/2023-q1", false}, {"/f/*-q1", "/f/2024-q1", true},
		{"/**/a/**/b", "/a/a/x/b", true}, {"/**/a/b", "/a/a/b", true}, {"/**/a/b", "/a/b2", false},
	} {
		p, err := ParsePathPattern(c.pattern)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Covers(c.path); got != c.want {
			t.Errorf("%q covers %q: %v", c.pattern, c.path, got)
		}
	}
	for pattern, want := range map[string]int{"/": 0, "/a/b": 2, "/a/*/b": 1, "/**": 0, "/a/b*": 1} {
		p, err := ParsePathPattern(pattern)
		if err != nil || p.Literal() != want {
			t.Errorf("%q spells out %d segments, want %d (%v)", pattern, p.Literal(), want, err)
		}
	}
	for _, pattern := range []string{"", "a", "/a//b", "/a**", "/..", "/a/?", "/ *", "/\x00*"} {
		if _, err := ParsePathPattern(pattern); err == nil {
			t.Errorf("pattern %q was accepted", pattern)
		}
	}
}
