package api_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func TestMistakesAreReportedAtTheirAttributeWithWhatToWrite(t *testing.T) {
	tests := map[string]struct {
		kind *api.Kind
		doc  string
		path string
		says string
	}{
		"unknown region":             {api.DataResidencyKind, `{"primary_region":"eu-oslo"}`, "/primary_region", "eu-frankfurt"},
		"planned region":             {api.DataResidencyKind, `{"primary_region":"eu-paris"}`, "/primary_region", "planned"},
		"London under the EU pin":    {api.DataResidencyKind, `{"primary_region":"eu-dublin","replica_regions":["uk-london"],"pin":"eu"}`, "/replica_regions", "outside the European Union"},
		"owner set through member":   {api.MemberKind, `{"email":"ann@example.com","workspace_role":"owner"}`, "/workspace_role", "admin, member"},
		"default above the maximum":  {api.SharingPolicyKind, `{"default_link_expiration_days":120,"max_link_expiration_days":30}`, "/default_link_expiration_days", "write 30 or less"},
		"group mapped to nothing":    {api.SCIMGroupMappingKind, `{"connection_name":"okta","group":"Designers"}`, "/team", "leads to nothing"},
		"grant without a level":      {api.AccessGrantKind, `{"resource":"/a","principal":"team:design"}`, "/level", "view, comment"},
		"sms not allowed":            {api.MFAPolicyKind, `{"sms_fallback":true}`, "/sms_fallback", "allowed_methods"},
		"sms for privileged roles":   {api.MFAPolicyKind, `{"privileged_methods":["sms"]}`, "/privileged_methods/0", "totp, webauthn"},
		"audit kept for a month":     {api.AuditPolicyKind, `{"retention_days":30}`, "/retention_days", "from 365"},
		"trash kept for a year":      {api.RetentionPolicyKind, `{"trash_days":365}`, "/trash_days", "from 1 to 30"},
		"a misspelt attribute":       {api.TeamKind, `{"slug":"a","name":"A","colour":"B"}`, "/colour", "default_level"},
		"a missing attribute":        {api.TeamKind, `{"slug":"a"}`, "/name", "required"},
		"a number for a string":      {api.TeamKind, `{"slug":"a","name":7}`, "/name", "must be a string"},
		"an e-mail that is not one":  {api.MemberKind, `{"email":"Ann <ann@example.com>"}`, "/email", "ann@example.com"},
		"a principal without a kind": {api.RoleAssignmentKind, `{"role":"viewer","principal":"ann@example.com"}`, "/principal", "member:ann@example.com"},
		"idle longer than absolute":  {api.SessionPolicyKind, `{"absolute_timeout":"1h","idle_timeout":"2h"}`, "/idle_timeout", "absolute_timeout"},
		"a role in a team map":       {api.TeamMembershipsKind, `{"team":"a","members":{"ann@example.com":"boss"}}`, "/members/ann@example.com", "team_admin"},
		"a statement without effect": {api.RoleKind, `{"name":"r","statements":[{"permissions":["asset.read"]}]}`, "/statements/0/effect", "required"},
		"a time in words":            {api.AccessGrantKind, `{"resource":"/a","principal":"team:design","level":"view","expires_at":"tomorrow"}`, "/expires_at", "RFC 3339"},
		"a path that climbs":         {api.FolderKind, `{"path":"/a/../b"}`, "/path", "/finance/quarterly"},
		"plain http at the provider": {api.SSOConnectionKind, `{"name":"a","protocol":"oidc","oidc":{"issuer":"http://idp.example.com","client_id":"x"}}`, "/oidc/issuer", "https"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			_, violations, err := tt.kind.Decode([]byte(tt.doc))
			if err != nil {
				t.Fatalf("Decode: %v", err)
			}
			for _, v := range violations {
				if v.Path == tt.path && strings.Contains(v.Message, tt.says) {
					return
				}
			}
			t.Errorf("no violation at %s that says %q; got %+v", tt.path, tt.says, violations)
		})
	}
}

func TestAcceptedObjectsAreWrittenInOneForm(t *testing.T) {
	obj, violations, err := api.SharingPolicyKind.Decode([]byte(`{"allowed_domains":["B.example","a.example","b.example"],"id":"ignored","etag":"7"}`))
	if err != nil || len(violations) > 0 {
		t.Fatalf("Decode: %v %v", violations, err)
	}
	p := obj.(*api.SharingPolicy)
	if diff := cmp.Diff([]string{"a.example", "b.example"}, p.AllowedDomains); diff != "" {
		t.Errorf("domains are not sorted, lower case and single (-want +got):\n%s", diff)
	}
	if p.ID != "" || p.PublicLinks != "disabled" || !p.RequireLinkPassword || p.MaxLinkExpirationDays != 90 {
		t.Errorf("defaults are not the secure ones, or Meta was taken from input: %+v", p)
	}
}

func TestDefaultsReachNestedObjects(t *testing.T) {
	obj, violations, err := api.SSOConnectionKind.Decode([]byte(`{"name":"x","protocol":"oidc","oidc":{"issuer":"https://idp.example.com","client_id":"c"}}`))
	if err != nil || len(violations) > 0 {
		t.Fatalf("Decode: %v %v", violations, err)
	}
	if c := obj.(*api.SSOConnection); !c.OIDC.PKCE || len(c.OIDC.Scopes) != 3 {
		t.Errorf("pkce and scopes have no defaults: %+v", c.OIDC)
	}
}

func TestEveryDefaultIsAcceptable(t *testing.T) {
	for _, k := range api.Kinds() {
		if !k.Singleton || k.Field("slug") != nil || k == api.WorkspaceOwnerKind || k == api.DataResidencyKind {
			continue // these need something that has no default
		}
		t.Run(k.Name, func(t *testing.T) {
			if _, violations, err := k.Decode([]byte(`{}`)); err != nil || len(violations) > 0 {
				t.Errorf("the default is refused: %v %v", violations, err)
			}
		})
	}
}

func TestDurations(t *testing.T) {
	for s, want := range map[string]time.Duration{"90d": 90 * api.Day, "1d12h": 36 * time.Hour, "2w": 14 * api.Day, "30m": 30 * time.Minute, "0s": 0} {
		if got, err := api.ParseDuration(s); err != nil || got != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %v", s, got, err, want)
		}
	}
	for _, s := range []string{"", "d", "1", "1y", "-1d", "1.5h", "99999999999d", "40000d1h"} {
		if got, err := api.ParseDuration(s); err == nil {
			t.Errorf("ParseDuration(%q) = %v; want an error", s, got)
		}
	}
}

// FuzzDecode: whatever is sent, Decode answers without panicking, and what it
// accepts survives being sent again.
func FuzzDecode(f *testing.F) {
	f.Add("team", []byte(`{"slug":"design","name":"Design"}`))
	f.Add("role", []byte(`{"name":"r","statements":[{"effect":"deny","permissions":["*"]}]}`))
	f.Add("team_memberships", []byte(`{"team":"a","members":{"ann@example.com":"viewer"}}`))
	f.Add("sso_connection", []byte(`{"name":"a","protocol":"saml","saml":{}}`))
	f.Fuzz(func(t *testing.T, name string, raw []byte) {
		k := api.KindByName(name)
		if k == nil || len(raw) > 1<<16 {
			return
		}
		obj, violations, err := k.Decode(raw)
		if err != nil || len(violations) > 0 {
			return
		}
		again, err := json.Marshal(obj)
		if err != nil {
			t.Fatalf("an accepted object cannot be written: %v", err)
		}
		second, violations, err := k.Decode(again)
		if err != nil || len(violations) > 0 {
			t.Fatalf("an accepted object is refused when sent again: %s: %v %v", again, violations, err)
		}
		if diff := cmp.Diff(obj, second); diff != "" {
			t.Errorf("sending an object again changes it:\n%s", diff)
		}
	})
}
