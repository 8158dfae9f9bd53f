package audit

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/google/go-cmp/cmp"
)

func TestActionsBelongToTheFamiliesOfTheAuditor(t *testing.T) {
	for action, want := range map[string]Family{
		ActionMemberInvited: FamilyMembers, "invitation.created": FamilyMembers, ActionMemberSuspended: FamilyMembers, // C044
		"access_grant.created": FamilyPermissions, "role.updated": FamilyPermissions, "role_assignment.deleted": FamilyPermissions, // C045
		ActionAssetUploaded: FamilyAssets, ActionAssetDownloaded: FamilyAssets, "folder.created": FamilyAssets, // C046
		"settings.branding.updated": FamilySettings, "team.created": FamilySettings, "workspace.updated": FamilySettings, // C047
		"sso_connection.updated": FamilySSO, "sso.*": FamilySSO, // C048
		"share_link.created": FamilySharing, ActionShareViewed: FamilySharing,
		"scim_token.created": FamilySCIM, "elevation.approved": FamilyElevation,
		"sharing_policy.updated": FamilyPolicy, "login_policy.updated": FamilyPolicy, "data_residency.updated": FamilyPolicy,
		ActionAuthDenied: FamilyAccess, ActionSessionRevoked: FamilyAccess, ActionTokenRevoked: FamilyAccess,
		"audit.verified": FamilyAudit, "comet.seen": FamilyOther,
	} {
		if got := FamilyOf(action); got != want {
			t.Errorf("%s is of family %s, want %s", action, got, want)
		}
		if !ValidFamily(FamilyOf(action)) {
			t.Errorf("%s: the family is in no list", action)
		}
	}
}

func TestEveryDeclaredKindHasAFamily(t *testing.T) {
	kinds := api.Kinds()
	if len(kinds) == 0 {
		t.Fatal("no kinds are declared")
	}
	for _, kind := range kinds {
		action := kind.Name + "." + VerbCreated
		if !ValidAction(action) || FamilyOf(action) == FamilyOther {
			t.Errorf("%s is no action of a family", action)
		}
	}
}

func TestDiffNamesWhatChanged(t *testing.T) {
	raw := func(s string) json.RawMessage {
		if s == "" {
			return nil
		}
		return json.RawMessage(s)
	}
	cases := map[string]struct {
		before, after string
		want          []Change
	}{
		"nothing":               {`{"a":1,"b":[1,{"c":null}]}`, `{ "b":[1.0,{"c":null}], "a":1.0 }`, nil},
		"a value":               {`{"a":1}`, `{"a":2}`, []Change{{"/a", raw("1"), raw("2")}}},
		"added and removed":     {`{"a":1}`, `{"b":"<x>"}`, []Change{{"/a", raw("1"), nil}, {"/b", nil, raw(`"<x>"`)}}},
		"null is a value":       {`{"a":null}`, `{}`, []Change{{"/a", raw("null"), nil}}},
		"nested":                {`{"a":{"b":{"c":true}}}`, `{"a":{"b":{"c":false}}}`, []Change{{"/a/b/c", raw("true"), raw("false")}}},
		"names are escaped":     {`{"a/b~c":1}`, `{"a/b~c":2}`, []Change{{"/a~1b~0c", raw("1"), raw("2")}}},
		"lists are whole":       {`{"a":[1,2]}`, `{"a":[2,1]}`, []Change{{"/a", raw("[1,2]"), raw("[2,1]")}}},
		"a creation":            {``, `{"a":1}`, []Change{{"/a", nil, raw("1")}}},
		"a deletion":            {`{"a":1}`, ``, []Change{{"/a", raw("1"), nil}}},
		"other types":           {`{"a":{"b":1}}`, `{"a":[1]}`, []Change{{"/a", raw(`{"b":1}`), raw("[1]")}}},
		"numbers beyond floats": {`{"a":9007199254740993}`, `{"a":9007199254740992}`, []Change{{"/a", raw("9007199254740993"), raw("9007199254740992")}}},
		"documents of one text": {`"erased:x"`, `"y"`, []Change{{"", raw(`"erased:x"`), raw(`"y"`)}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := Diff(raw(c.before), raw(c.after))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Errorf("changes differ (-want +got):\n%s", diff)
			}
		})
	}
	for _, bad := range []string{`{`, `{} {}`} {
		if _, err := Diff(raw(bad), nil); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestKeyIsKeptAndGuarded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "audit.key")
	first, err := LoadOrCreateKey(path, "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	again, err := LoadOrCreateKey(path, "other.example.com")
	if err != nil {
		t.Fatal(err)
	}
	if again.Public != first.Public || again.Name != "audit.example.com" {
		t.Errorf("key %s, then %s", first.Public, again.Public)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v; want 0600", info.Mode(), err)
	}
	secret, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
		t.Errorf("files beside the key: %v, %v", entries, err)
	}

	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKey(path, "x"); err == nil || !strings.Contains(err.Error(), "0600") {
		t.Errorf("error %v of a key that all can read", err)
	}
	if err := os.WriteFile(path, []byte("rubbish "+string(secret)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadOrCreateKey(path, "x"); err == nil || strings.Contains(err.Error(), "PRIVATE") {
		t.Errorf("error %v of a malformed key: want one that does not quote it", err)
	}
	if _, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "k"), "a name with spaces"); err == nil {
		t.Error("a name with spaces was accepted")
	}
}
