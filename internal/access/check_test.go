package access

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// C027, word for word: "can read files in /finance, can manage sharing in
// /finance/quarterly, cannot delete".
func TestFinanceExampleOfCustomRoles(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "finance-steward", Statements: []Statement{
		{Allow, []string{"item.read", "asset.read"}, []string{"/finance"}},
		{Allow, []string{"sharing.manage", "grant.*", "share_link.*"}, []string{"/finance/quarterly"}},
		{Deny, []string{"item.delete", "asset.delete.own", "collection.delete"}, nil},
	}}}})
	w := tree{"/finance": {Kind: ItemProject}, "/finance/board": {Kind: ItemFolder, Restricted: true}, "/finance/quarterly/a": {Kind: ItemAsset, Owner: "member:ann@example.com"}}
	for _, c := range []struct {
		path, permission string
		want             bool
	}{
		{"/finance", "asset.read", true},
		{"/finance/quarterly", "asset.read", true},
		{"/finance/quarterly/a", "asset.read", true},
		{"/finance/board", "asset.read", false}, // restricted, not named
		{"/marketing", "asset.read", false},
		{"/", "asset.read", false},
		{"/finance", "sharing.manage", false},
		{"/finance/quarterly", "sharing.manage", true},
		{"/finance/quarterly/a", "share_link.create", true},
		{"/finance/quarterly", "grant.delete", true},
		{"/finance/yearly", "grant.create", false},
		{"/finance/quarterly", "asset.update", false},
		{"/finance/quarterly", "item.delete", false},
		{"/finance/quarterly/a", "asset.delete.own", false},
	} {
		s := person(t, vocabulary.RoleMember).assigned("finance-steward", "/")
		expect(t, e, s, w.item(c.path), c.permission, c.want)
		// The deny holds even for somebody whom everything else allows everything.
		s = person(t, vocabulary.RoleOwner).assigned("finance-steward", "/").granted("/", Grant{Level: vocabulary.LevelFullAccess})
		if strings.Contains(c.permission, "delete") && c.permission != "grant.delete" {
			expect(t, e, s, w.item(c.path), c.permission, false)
		}
	}
}

func TestEachLevelAllowsExactlyItsPermissions(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject}}
	for _, level := range append([]vocabulary.Level{vocabulary.LevelNone}, vocabulary.Levels()...) {
		s := person(t, vocabulary.RoleMember)
		if level > vocabulary.LevelNone {
			s.granted("/films", Grant{Level: level})
		}
		item := w.item("/films/reel")
		if got := e.EffectiveLevel(s, item, atNoon()); got != level {
			t.Errorf("the level is %s, want %s", got, level)
		}
		for _, p := range vocabulary.Permissions() {
			if p.Scope == vocabulary.ScopeItem {
				expect(t, e, s, item, p.Name, vocabulary.LevelAllows(level, p.Name))
			}
		}
	}
}

func TestEachWorkspaceRoleAllowsExactlyItsPermissions(t *testing.T) {
	e := engine(t, PolicySet{})
	for _, role := range append(vocabulary.Roles(), vocabulary.RoleViewer, "") {
		s := person(t, role)
		for _, p := range vocabulary.Permissions() {
			if p.Scope != vocabulary.ScopeWorkspace {
				continue
			}
			if d := e.CheckWorkspace(s, p.Name, atNoon()); d.Allowed != p.AllowsRole(role) {
				t.Errorf("%s as %q: %s", p.Name, role, d)
			}
		}
	}
}

// X05: a floor on governance, none on content.
func TestOwnersAndAdminsGovernEveryItemWithoutSeeingContent(t *testing.T) {
	e := engine(t, PolicySet{})
	item := tree{"/films": {Kind: ItemProject, Restricted: true}}.item("/films/reel")
	for _, role := range []vocabulary.Role{vocabulary.RoleOwner, vocabulary.RoleAdmin, vocabulary.RoleMember} {
		s := person(t, role)
		for _, p := range vocabulary.Permissions() {
			if p.Scope == vocabulary.ScopeItem {
				expect(t, e, s, item, p.Name, role.Governs() && p.Governance)
			}
		}
		expect(t, e, s, item, "asset.read", false)
		expect(t, e, s, item, "grant.create", role.Governs())
		if got := e.EffectiveLevel(s, item, atNoon()); got != vocabulary.LevelNone {
			t.Errorf("%s has the level %s without a grant", role, got)
		}
	}
}

func TestTeamRolesGiveTheirLevelOnTheTeamsItems(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject, Team: "design"}, "/books": {Kind: ItemProject, Team: "legal"}}
	for _, role := range vocabulary.TeamRoles() {
		s := person(t, vocabulary.RoleMember)
		s.Teams = map[string]vocabulary.TeamRole{"design": role}
		if got := e.EffectiveLevel(s, w.item("/films/reel"), atNoon()); got != role.Level() {
			t.Errorf("%s has %s, want %s", role, got, role.Level())
		}
		if got := e.EffectiveLevel(s, w.item("/books"), atNoon()); got != vocabulary.LevelNone {
			t.Errorf("%s of another team has %s", role, got)
		}
		verdict := role == vocabulary.TeamReviewer || role.Level() >= vocabulary.LevelEdit
		expect(t, e, s, w.item("/films/reel"), "review.verdict", verdict)
	}
	commenter := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelComment})
	expect(t, e, commenter, w.item("/films/reel"), "review.verdict", false)
}

func TestTeamAdminManagesMembershipOfOwnTeamOnly(t *testing.T) {
	e := engine(t, PolicySet{})
	s := person(t, vocabulary.RoleMember)
	s.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamAdmin, "legal": vocabulary.TeamEditor}
	for _, c := range []struct {
		team, permission string
		want             bool
	}{
		{"design", "team_membership.write", true}, {"legal", "team_membership.write", false},
		{"", "team_membership.write", false}, {"design", "team.write", false}, // X24
	} {
		if d := e.CheckTeam(s, c.team, c.permission, atNoon()); d.Allowed != c.want {
			t.Errorf("team %q: %s", c.team, d)
		}
	}
	s.Role, s.External = vocabulary.RoleGuest, true
	if d := e.CheckTeam(s, "design", "team_membership.write", atNoon()); d.Allowed {
		t.Errorf("a guest manages a team: %s", d)
	}
}

func TestRestrictionCutsInheritedLevelsButNotItsOwnGrants(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject, Team: "design", Owner: "member:ann@example.com"}, "/films/secret": {Kind: ItemFolder, Restricted: true}}
	s := person(t, vocabulary.RoleMember).granted("/", Grant{Level: vocabulary.LevelEdit, AllowDownload: true})
	s.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamAdmin}
	for path, want := range map[string]vocabulary.Level{
		"/films": vocabulary.LevelFullAccess, "/films/open": vocabulary.LevelFullAccess, "/other": vocabulary.LevelEdit,
		"/films/secret": vocabulary.LevelNone, "/films/secret/reel": vocabulary.LevelNone,
	} {
		if got := e.EffectiveLevel(s, w.item(path), atNoon()); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	s.granted("/films/secret", Grant{Level: vocabulary.LevelView})
	if got := e.EffectiveLevel(s, w.item("/films/secret/reel"), atNoon()); got != vocabulary.LevelView {
		t.Errorf("a grant on the restricted item gives %s below it", got)
	}
	// The permission to download is inherited like a level, so it is cut too.
	expect(t, e, s, w.item("/films/secret/reel"), "asset.download", false)
	x := e.Explain(s, w.item("/films/secret/reel"), "asset.update", atNoon())
	if !strings.Contains(x.String(), "/films/secret is restricted") || !strings.Contains(strings.Join(x.Needed, "\n"), "the level edit (Editor)") {
		t.Errorf("the explanation does not name the restriction:\n%s", x)
	}
}

// X22: a statement or assignment passes a restriction only by naming it.
func TestRoleStatementsCrossRestrictionsOnlyByName(t *testing.T) {
	statement := func(paths ...string) []Statement { return []Statement{{Allow, []string{"asset.read"}, paths}} }
	e := engine(t, PolicySet{Roles: []Role{
		{Name: "everywhere", Statements: statement()},
		{Name: "below", Statements: statement("/films")},
		{Name: "wild", Statements: statement("/films/*", "/**/reel")},
		{Name: "named", Statements: statement("/films/secret")},
		{Name: "named-wild", Statements: statement("/films/secret/*")},
		{Name: "deny", Statements: []Statement{{Deny, []string{"asset.*"}, []string{"/films"}}}},
		{Name: "level", BaseLevel: vocabulary.LevelView},
	}})
	w := tree{"/films": {Kind: ItemProject}, "/films/secret": {Kind: ItemFolder, Restricted: true}}
	for _, c := range []struct {
		role, scope, path string
		want              bool
	}{
		{"everywhere", "/", "/films", true}, {"everywhere", "/", "/films/secret", false}, {"everywhere", "/films/secret", "/films/secret/reel", true},
		{"everywhere", "/books", "/films", false},
		{"below", "/", "/films/open", true}, {"below", "/", "/films/secret/reel", false}, {"below", "/films/secret", "/films/secret/reel", true},
		{"wild", "/", "/films", false}, {"wild", "/", "/films/open", true}, {"wild", "/", "/films/secret", false}, {"wild", "/", "/films/secret/reel", false},
		{"wild", "/films/secret", "/films/secret/reel", true},
		{"named", "/", "/films", false}, {"named", "/", "/films/secret/reel", true}, {"named", "/books", "/films/secret", false},
		{"named-wild", "/", "/films/secret", false}, {"named-wild", "/", "/films/secret/reel", true},
		{"level", "/", "/films/open", true}, {"level", "/", "/films/secret", false}, {"level", "/films/secret", "/films/secret/reel", true},
	} {
		t.Run(c.role+" at "+c.scope+" on "+c.path, func(t *testing.T) {
			s := person(t, vocabulary.RoleMember).assigned(c.role, c.scope)
			expect(t, e, s, w.item(c.path), "asset.read", c.want)
			// A deny from above passes every restriction.
			s.assigned("deny", "/")
			expect(t, e, s, w.item(c.path), "asset.read", false)
			// The same role held through a grant on the item behaves the same.
			s = person(t, vocabulary.RoleMember).granted(c.scope, Grant{Role: c.role})
			expect(t, e, s, w.item(c.path), "asset.read", c.want)
		})
	}
}

// Held twice, a role counts where it is held nearest, in whatever order the rows come.
func TestRoleHeldTwiceCountsWhereItIsHeldNearest(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "reader", Statements: []Statement{{Allow, []string{"asset.read"}, nil}}}}})
	item := tree{"/films/secret": {Kind: ItemFolder, Restricted: true}}.item("/films/secret/reel")
	expect(t, e, person(t, vocabulary.RoleMember).assigned("reader", "/").assigned("reader", "/films/secret"), item, "asset.read", true)
	expect(t, e, person(t, vocabulary.RoleMember).assigned("reader", "/films/secret").assigned("reader", "/"), item, "asset.read", true)
	expect(t, e, person(t, vocabulary.RoleMember).assigned("reader", "/").assigned("reader", "/films"), item, "asset.read", false)
}

// C031 and X22: collections are references.
func TestCollectionsFanOutToTheirAssets(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{
		{Name: "no-best-of", Statements: []Statement{{Deny, []string{"asset.read"}, []string{"/show/best-of"}}}},
		{Name: "no-reel", Statements: []Statement{{Deny, []string{"asset.read"}, []string{"/show/best-of/reel"}}}},
		{Name: "all-in-best-of", Statements: []Statement{{Allow, []string{"asset.read"}, []string{"/show/best-of/*"}}}},
	}})
	w := tree{
		"/films": {Kind: ItemProject}, "/films/secret": {Kind: ItemFolder, Restricted: true},
		"/films/hidden": {Kind: ItemAsset, Restricted: true},
		"/show":         {Kind: ItemProject}, "/show/best-of": {Kind: ItemCollection},
	}
	reel := w.item("/films/reel", "/show/best-of")
	recipient := func() *Subject {
		return person(t, vocabulary.RoleMember).granted("/show/best-of", Grant{Level: vocabulary.LevelComment})
	}
	expect(t, e, recipient(), reel, "comment.create", true)
	expect(t, e, recipient(), w.item("/films/reel"), "comment.create", false)
	expect(t, e, recipient().assigned("no-best-of", "/"), reel, "asset.read", false)
	expect(t, e, recipient().assigned("no-reel", "/"), reel, "asset.read", false) // X22: its path there is a path of it
	expect(t, e, person(t, vocabulary.RoleMember).assigned("all-in-best-of", "/"), reel, "asset.read", true)
	expect(t, e, person(t, vocabulary.RoleMember).assigned("all-in-best-of", "/"), w.item("/films/other"), "asset.read", false)
	// Below a restriction only the collection's own recipients see the asset.
	below := w.item("/films/secret/reel", "/show/best-of")
	expect(t, e, recipient(), below, "asset.read", true)
	expect(t, e, person(t, vocabulary.RoleMember).granted("/show", Grant{Level: vocabulary.LevelEdit}), reel, "asset.read", true)
	expect(t, e, person(t, vocabulary.RoleMember).granted("/show", Grant{Level: vocabulary.LevelEdit}), below, "asset.read", false)
	// An asset restricted itself is not shared by being referenced.
	expect(t, e, recipient(), w.item("/films/hidden", "/show/best-of"), "asset.read", false)
}

func TestCeilingsHoldWhateverIsGranted(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "everything", BaseLevel: vocabulary.LevelFullAccess, Statements: []Statement{{Allow, []string{"*"}, nil}}}}})
	w := tree{"/films": {Kind: ItemProject, AllowGuestUploads: true, AllowGuestAIWorkflows: true}, "/films/reel": {Kind: ItemAsset}}
	item := w.item("/films/reel")
	all := func(role vocabulary.Role) *Subject {
		s := person(t, role).granted("/films", Grant{Level: vocabulary.LevelFullAccess}).assigned("everything", "/").assigned("admin", "/")
		s.Teams = map[string]vocabulary.TeamRole{"design": vocabulary.TeamAdmin}
		return s
	}
	external := all(vocabulary.RoleMember)
	external.External = true
	for name, c := range map[string]struct {
		s    *Subject
		most vocabulary.Level
	}{
		"guest": {all(vocabulary.RoleGuest), vocabulary.LevelEdit}, "external member": {external, vocabulary.LevelEdit},
		"visitor": {all(vocabulary.RoleViewer), vocabulary.LevelComment}, "nobody": {all(""), vocabulary.LevelNone},
	} {
		if got := e.EffectiveLevel(c.s, item, atNoon()); got != c.most {
			t.Errorf("%s has the level %s, want %s", name, got, c.most)
		}
		for _, p := range vocabulary.Permissions() {
			if p.Scope == vocabulary.ScopeWorkspace {
				if d := e.CheckWorkspace(c.s, p.Name, atNoon()); d.Allowed && !(p.AllowsRole(vocabulary.RoleGuest) && c.most == vocabulary.LevelEdit) {
					t.Errorf("%s: %s", name, d)
				}
				continue
			}
			if d := e.Check(c.s, item, p.Name, atNoon()); d.Allowed && p.MinLevel > c.most && !(name == "visitor" && p.Name == "asset.download") {
				t.Errorf("%s: %s", name, d)
			}
		}
		expect(t, e, c.s, item, "member.invite", false) // C016
	}
	// Owner-only things stay the owner's (C013, C032, X08).
	for _, p := range vocabulary.Permissions() {
		if p.OwnerOnly() {
			for _, role := range []vocabulary.Role{vocabulary.RoleAdmin, vocabulary.RoleMember} {
				if d := e.CheckWorkspace(all(role), p.Name, atNoon()); d.Allowed {
					t.Errorf("%s: %s", role, d)
				}
			}
		}
	}
}

func TestProjectsChangeHandsOnlyByTheWorkspaceOwner(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject}, "/films/reel": {Kind: ItemAsset}}
	full := func(r vocabulary.Role) *Subject {
		return person(t, r).granted("/films", Grant{Level: vocabulary.LevelFullAccess})
	}
	expect(t, e, full(vocabulary.RoleMember), w.item("/films/reel"), "item.owner.transfer", true) // X06
	expect(t, e, full(vocabulary.RoleMember), w.item("/films"), "item.owner.transfer", false)
	expect(t, e, full(vocabulary.RoleAdmin), w.item("/films"), "item.owner.transfer", false)
	expect(t, e, full(vocabulary.RoleOwner), w.item("/films"), "item.owner.transfer", true)
}

func TestGuestsUploadAndRunWorkflowsOnlyWhereTheProjectSaysSo(t *testing.T) {
	e := engine(t, PolicySet{})
	for _, c := range []struct{ uploads, workflows bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		w := tree{"/films": {Kind: ItemProject, AllowGuestUploads: c.uploads, AllowGuestAIWorkflows: c.workflows}}
		guest := person(t, vocabulary.RoleGuest).granted("/films", Grant{Level: vocabulary.LevelEdit})
		expect(t, e, guest, w.item("/films/day-1"), "asset.create", c.uploads)
		expect(t, e, guest, w.item("/films/day-1"), "workflow.run", c.workflows)
		member := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelEdit})
		expect(t, e, member, w.item("/films/day-1"), "asset.create", true)
		expect(t, e, member, w.item("/films/day-1"), "workflow.run", true)
	}
}

func TestDownloadNeedsEditOrItsOwnPermission(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject}}
	item := w.item("/films/reel")
	viewer := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelView})
	expect(t, e, viewer, item, "asset.download", false)
	viewer.granted("/films/reel", Grant{Level: vocabulary.LevelView, AllowDownload: true})
	expect(t, e, viewer, item, "asset.download", true)
	visitor := person(t, vocabulary.RoleViewer).granted("/films/reel", Grant{Level: vocabulary.LevelView, AllowDownload: true})
	expect(t, e, visitor, item, "asset.download", true) // C068
	expect(t, e, visitor, item, "comment.create", false)
}

func TestOwnUploadsAreDeletedByTheirOwnerOnlyWhileTheyMayEdit(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films/mine": {Kind: ItemAsset, Owner: "member:ann@example.com"}, "/films/theirs": {Kind: ItemAsset, Owner: "member:bob@example.com"}}
	s := person(t, vocabulary.RoleMember)
	expect(t, e, s, w.item("/films/mine"), "asset.delete.own", false) // the grant is gone
	expect(t, e, s, w.item("/films/mine"), "asset.read", false)
	s.granted("/films", Grant{Level: vocabulary.LevelEdit})
	expect(t, e, s, w.item("/films/mine"), "asset.delete.own", true)
	expect(t, e, s, w.item("/films/theirs"), "asset.delete.own", false)
}

func TestOwnersOfContainersControlThem(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject, Owner: "member:ann@example.com"}}
	expect(t, e, person(t, vocabulary.RoleMember), w.item("/films/reel"), "item.delete", true)
	expect(t, e, person(t, vocabulary.RoleGuest), w.item("/films/reel"), "asset.read", false)
}

func TestArchivedItemsAreReadAndGovernedButNotChanged(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{"/films": {Kind: ItemProject, Archived: true}}
	s := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelFullAccess})
	for permission, want := range map[string]bool{
		"asset.read": true, "asset.download": true, "comment.create": false, "asset.create": false, "item.create": false,
		"grant.create": false, "grant.delete": true, "share_link.delete": true, "item.settings": true, "item.delete": true,
	} {
		expect(t, e, s, w.item("/films/reel"), permission, want)
	}
}

func TestExpiryAndSuspensionTakeEffectAtOnce(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{{Name: "reader", Statements: []Statement{{Allow, []string{"asset.read"}, nil}}}}})
	item := tree{}.item("/films")
	full := Grant{Level: vocabulary.LevelFullAccess}
	for name, c := range map[string]struct {
		s    *Subject
		want bool
	}{
		"active":               {person(t, vocabulary.RoleMember).granted("/films", full), true},
		"suspended":            {&Subject{Workspace: "acme", Principal: principal(t, "member:ann@example.com"), Role: vocabulary.RoleOwner, Grants: map[string][]Grant{"/": {full}}}, false},
		"grant ends now":       {person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelEdit, ExpiresAt: noon}), false},
		"grant ends later":     {person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelEdit, ExpiresAt: noon.Add(time.Microsecond)}), true},
		"role ended":           {&Subject{Workspace: "acme", Principal: principal(t, "member:ann@example.com"), Role: vocabulary.RoleMember, Active: true, Assignments: []Assignment{{Role: "reader", Scope: "/", ExpiresAt: noon.Add(-time.Hour)}}}, false},
		"guest's access ended": {&Subject{Workspace: "acme", Principal: principal(t, "member:ann@example.com"), Role: vocabulary.RoleGuest, Active: true, ExpiresAt: noon, Grants: map[string][]Grant{"/": {full}}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			expect(t, e, c.s, item, "asset.read", c.want)
			if got := e.EffectiveLevel(c.s, item, atNoon()); (got > vocabulary.LevelNone) != c.want {
				t.Errorf("the level is %s", got)
			}
		})
	}
}

func TestTokensNarrowWhatTheirPrincipalMayDo(t *testing.T) {
	e := engine(t, PolicySet{})
	item := tree{}.item("/films")
	for _, c := range []struct {
		token       *Token
		read, write bool
	}{
		{nil, true, true}, {&Token{}, false, false}, {&Token{Scopes: []string{"*"}}, true, true}, {&Token{Scopes: []string{"*"}, ReadOnly: true}, true, false},
		{&Token{Scopes: []string{"grant.*"}}, false, true}, {&Token{Scopes: []string{"asset.read", "member.read"}}, true, false},
	} {
		s := person(t, vocabulary.RoleAdmin).granted("/films", Grant{Level: vocabulary.LevelView})
		s.Token = c.token
		expect(t, e, s, item, "asset.read", c.read)
		expect(t, e, s, item, "grant.create", c.write)
	}
	s := person(t, vocabulary.RoleMember)
	s.Token = &Token{Scopes: []string{"*"}}
	expect(t, e, s, item, "asset.read", false) // a token adds nothing
}

func TestCustomRolesOpenWorkspacePermissionsOnlyAtTheRoot(t *testing.T) {
	e := engine(t, PolicySet{Roles: []Role{
		{Name: "auditor", Statements: []Statement{{Allow, []string{"audit.read", "evidence.read"}, nil}}},
		{Name: "local", Statements: []Statement{{Allow, []string{"audit.read"}, []string{"/films"}}}},
		{Name: "no-audit", Statements: []Statement{{Deny, []string{"audit.read"}, []string{"/**"}}}},
	}})
	for _, c := range []struct {
		s    *Subject
		want bool
	}{
		{person(t, vocabulary.RoleMember), false},
		{person(t, vocabulary.RoleMember).assigned("auditor", "/"), true},
		{person(t, vocabulary.RoleMember).assigned("auditor", "/films"), false},
		{person(t, vocabulary.RoleMember).assigned("local", "/"), false},
		{person(t, vocabulary.RoleAdmin).assigned("no-audit", "/"), false},
		{person(t, vocabulary.RoleGuest).assigned("auditor", "/"), false},
	} {
		if d := e.CheckWorkspace(c.s, "audit.read", atNoon()); d.Allowed != c.want {
			t.Errorf("want %v: %s", c.want, d)
		}
	}
}

func TestQuestionsWithoutAnAnswerAreDenied(t *testing.T) {
	e := engine(t, PolicySet{})
	w := tree{}
	owner := func() *Subject {
		return person(t, vocabulary.RoleOwner).granted("/", Grant{Level: vocabulary.LevelFullAccess})
	}
	foreign := w.item("/films")
	foreign.Workspace = "globex"
	gap := w.item("/films/reel")
	gap.Chain = append(gap.Chain[:1], gap.Chain[2])
	rootless := w.item("/films/reel")
	rootless.Chain = rootless.Chain[1:]
	astray := w.item("/films/reel")
	astray.Chain[1].Path = "/books"
	stranger, operator, nobody, dangling := owner(), owner(), owner(), owner().assigned("gone", "/")
	stranger.Workspace = "globex"
	operator.Principal = principal(t, "operator:root")
	nobody.Principal = vocabulary.Principal{}
	oddLevel := person(t, vocabulary.RoleMember).granted("/", Grant{Level: 9})
	timeless := atNoon()
	timeless.Time = time.Time{}
	for name, c := range map[string]struct {
		s          *Subject
		item       *Item
		permission string
		rc         *RequestContext
		says       string
	}{
		"unknown permission":        {owner(), w.item("/films"), "asset.raed", atNoon(), "asset.read"},
		"workspace permission":      {owner(), w.item("/films"), "audit.read", atNoon(), "on the workspace"},
		"item of another":           {owner(), foreign, "asset.read", atNoon(), "different workspaces"},
		"subject of another":        {stranger, w.item("/films"), "asset.read", atNoon(), "different workspaces"},
		"operator":                  {operator, w.item("/films"), "asset.read", atNoon(), "operators"},
		"no principal":              {nobody, w.item("/films"), "asset.read", atNoon(), "no principal"},
		"no subject":                {nil, w.item("/films"), "asset.read", atNoon(), "no subject"},
		"no item":                   {owner(), nil, "asset.read", atNoon(), "no item"},
		"no time":                   {owner(), w.item("/films"), "asset.read", timeless, "no time"},
		"no context":                {owner(), w.item("/films"), "asset.read", nil, "no request context"},
		"a gap in the chain":        {owner(), gap, "asset.read", atNoon(), "chain"},
		"a chain without root":      {owner(), rootless, "asset.read", atNoon(), "chain"},
		"a chain that leads away":   {owner(), astray, "asset.read", atNoon(), "chain"},
		"a role that is not there":  {dangling, w.item("/films"), "asset.read", atNoon(), "does not exist"},
		"a level that is not there": {oddLevel, w.item("/films"), "asset.read", atNoon(), "level that does not exist"},
	} {
		t.Run(name, func(t *testing.T) {
			d := e.Check(c.s, c.item, c.permission, c.rc)
			if d.Allowed || len(d.Reasons) != 1 || d.Reasons[0].Kind != ReasonError || !strings.Contains(d.Reasons[0].Text, c.says) {
				t.Errorf("%+v", d)
			}
			x := e.Explain(c.s, c.item, c.permission, c.rc)
			if x.Decision.Allowed || len(x.Needed) == 0 {
				t.Errorf("explain: %+v", x)
			}
		})
	}
	if d := e.CheckWorkspace(owner(), "asset.read", atNoon()); d.Allowed {
		t.Error("an item permission was checked on the workspace")
	}
}
