package access

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

func TestDecisionNamesTheGrantThatDecided(t *testing.T) {
	e := engine(t, PolicySet{})
	s := person(t, vocabulary.RoleMember).granted("/", Grant{ID: "grnt_1", Level: vocabulary.LevelView}).
		granted("/films", Grant{ID: "grnt_2", Level: vocabulary.LevelEdit, Source: principal(t, "team:design")})
	d := e.Check(s, tree{}.item("/films/reel"), "asset.update", atNoon())
	want := Decision{Allowed: true, Permission: "asset.update", Level: vocabulary.LevelEdit, Reasons: []Reason{
		{ReasonGrant, "grnt_2", "grant grnt_2 gives edit on /films to team:design"},
		{ReasonLevel, "level/edit", "the level edit includes asset.update"},
	}}
	if diff := cmp.Diff(want, d); diff != "" {
		t.Error(diff)
	}
	text, err := json.Marshal(d)
	if err != nil || !strings.Contains(string(text), `"level":"edit"`) {
		t.Errorf("%s, %v", text, err)
	}
}

func TestExplainTellsWhoWhyAndWhatWouldBeNeeded(t *testing.T) {
	e := engine(t, PolicySet{
		Roles:    []Role{{Name: "no-delete", Statements: []Statement{{Deny, []string{"item.delete"}, []string{"/films"}}}}},
		Policies: []AttributePolicy{{Name: "known-device", Effect: Deny, Permissions: []string{"item.delete"}, Condition: `!context.device_known`}},
	})
	w := tree{"/films": {Kind: ItemProject}, "/films/secret": {Kind: ItemFolder, Restricted: true}}
	for name, c := range map[string]struct {
		s                *Subject
		path, permission string
		says, needs      []string
		needed           int
	}{
		"nothing at all": {person(t, vocabulary.RoleMember), "/films", "asset.read",
			[]string{"member:ann@example.com may not use asset.read on /films (level none)", "nothing gives the principal a level on /films"},
			[]string{"the level view (Viewer) or higher on /films or an item above it"}, 1},
		"too little": {person(t, vocabulary.RoleMember).granted("/films", Grant{ID: "grnt_1", Level: vocabulary.LevelView}), "/films", "asset.update",
			[]string{"the level is view", "counts: grant grnt_1 gives view on /films"}, []string{"the level edit (Editor)"}, 1},
		"restricted": {person(t, vocabulary.RoleMember).granted("/films", Grant{ID: "grnt_1", Level: vocabulary.LevelEdit}), "/films/secret/x", "asset.read",
			[]string{"does not count: grant grnt_1 gives edit on /films, but /films/secret is restricted"}, []string{"between it and /films/secret"}, 1},
		"expired": {person(t, vocabulary.RoleMember).granted("/films", Grant{ID: "grnt_1", Level: vocabulary.LevelEdit, ExpiresAt: noon}), "/films", "asset.read",
			[]string{"does not count: grant grnt_1 on /films expired at 2025-06-03T12:00:00Z"}, []string{"the level view"}, 1},
		"denied though full access": {person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelFullAccess}).assigned("no-delete", "/"), "/films", "item.delete",
			[]string{"role no-delete, statement 1, denies item.delete on /films"}, []string{"remove the deny from role no-delete"}, 1},
		"denied and nothing permits": {person(t, vocabulary.RoleMember).assigned("no-delete", "/"), "/films", "item.delete",
			[]string{"denies item.delete"}, []string{"remove the deny", "the level full_access (Admin)"}, 2},
		"ceiling": {person(t, vocabulary.RoleGuest).granted("/films", Grant{Level: vocabulary.LevelManage}), "/films", "member.invite",
			[]string{"the ceiling of a guest is edit", "guests and external people never pass the level edit"}, []string{"internal member", "the level manage"}, 2},
		"suspended": {&Subject{Workspace: "acme", Principal: principal(t, "member:ann@example.com"), Role: vocabulary.RoleOwner}, "/films", "grant.create",
			[]string{"suspended or its access has expired"}, []string{"reactivate"}, 1},
		"download": {person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelView}), "/films", "asset.download",
			nil, []string{"or a grant that allows downloads"}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			x := e.Explain(c.s, w.item(c.path), c.permission, atNoon())
			if x.Decision.Allowed || len(x.Needed) != c.needed {
				t.Errorf("allowed %v, needed %q", x.Decision.Allowed, x.Needed)
			}
			for _, want := range append(c.says, c.needs...) {
				if !strings.Contains(x.String(), want) {
					t.Errorf("%q is missing:\n%s", want, x)
				}
			}
			// Explaining must not change the answer.
			if diff := cmp.Diff(e.Check(c.s, w.item(c.path), c.permission, atNoon()), x.Decision); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestExplainOfTheWorkspace(t *testing.T) {
	e := engine(t, PolicySet{})
	x := e.ExplainWorkspace(person(t, vocabulary.RoleMember), "audit.read", atNoon())
	if x.Decision.Allowed || len(x.Needed) != 1 || x.Needed[0] != "the workspace role owner or admin, or a custom role assigned on / that allows audit.read" {
		t.Errorf("%+v", x)
	}
	x = e.ExplainWorkspace(person(t, vocabulary.RoleAdmin), "workspace.close", atNoon())
	if x.Decision.Allowed || !strings.Contains(x.String(), "only the workspace owner may do this") || len(x.Needed) != 2 {
		t.Errorf("%+v", x)
	}
	x = e.ExplainWorkspace(person(t, vocabulary.RoleAdmin), "audit.read", atNoon())
	if !x.Decision.Allowed || len(x.Needed) != 0 || !strings.Contains(x.String(), "the workspace role admin includes it") {
		t.Errorf("%+v", x)
	}
}

func TestPermissionsListsWhatCheckAllows(t *testing.T) {
	e := engine(t, PolicySet{})
	s := person(t, vocabulary.RoleMember).granted("/films", Grant{Level: vocabulary.LevelComment})
	if diff := cmp.Diff(vocabulary.PermissionsOfLevel(vocabulary.LevelComment), e.Permissions(s, tree{}.item("/films"), atNoon())); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(vocabulary.PermissionsOfRole(vocabulary.RoleMember), e.WorkspacePermissions(s, atNoon())); diff != "" {
		t.Error(diff)
	}
}
