package provider

import (
	"context"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

// These tests speak the plugin protocol themselves: they cover what the installed
// CLI may be too old for (identity, list resources), and they see attribute paths.

// session is a configured provider.
type session struct {
	tfprotov6.ProviderServer
	schemas *tfprotov6.GetProviderSchemaResponse
}

func dynamic(t testing.TB, v tftypes.Value) *tfprotov6.DynamicValue {
	t.Helper()
	out, err := tfprotov6.NewDynamicValue(v.Type(), v)
	if err != nil {
		t.Fatal(err)
	}
	return &out
}

// block makes a value of a schema's type: the given attributes, null otherwise.
func block(typ tftypes.Type, given map[string]tftypes.Value) tftypes.Value {
	attrs := map[string]tftypes.Value{}
	for name, t := range typ.(tftypes.Object).AttributeTypes {
		attrs[name] = tftypes.NewValue(t, nil)
		if v, ok := given[name]; ok {
			attrs[name] = v
		}
	}
	return tftypes.NewValue(typ, attrs)
}

// configured starts a provider for the instance.
func configured(t testing.TB, inst *servertest.Instance, token string, more map[string]tftypes.Value) *session {
	t.Helper()
	s := &session{server(t), providerSchema(t)}
	given := map[string]tftypes.Value{"endpoint": str(inst.URL), "token": str(token), "workspace": str(inst.Workspace), "stack": str("protocol")}
	for name, v := range more {
		given[name] = v
	}
	resp, err := s.ConfigureProvider(context.Background(), &tfprotov6.ConfigureProviderRequest{Config: dynamic(t, block(s.schemas.Provider.ValueType(), given))})
	if err != nil {
		t.Fatal(err)
	}
	fatal(t, resp.Diagnostics)
	return s
}

func fatal(t testing.TB, diags []*tfprotov6.Diagnostic) {
	t.Helper()
	for _, d := range diags {
		if d.Severity == tfprotov6.DiagnosticSeverityError {
			t.Fatalf("%s: %s (%s)", d.Summary, d.Detail, d.Attribute)
		}
	}
}

func (s *session) typeOf(kind string) tftypes.Type {
	return s.schemas.ResourceSchemas["gatehouse_"+kind].ValueType()
}

// resourceValue makes a configuration of a kind from a document; extra attributes
// and unknown ones are given as values.
func (s *session) resourceValue(t testing.TB, kind string, doc map[string]any, more map[string]tftypes.Value) tftypes.Value {
	t.Helper()
	fields := api.KindByName(kind).Fields()
	attrs, err := valuesOf(fields, doc, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range more {
		attrs[name] = v
	}
	return block(s.typeOf(kind), attrs)
}

func (s *session) validate(t testing.TB, kind string, config tftypes.Value) []*tfprotov6.Diagnostic {
	t.Helper()
	resp, err := s.ValidateResourceConfig(context.Background(), &tfprotov6.ValidateResourceConfigRequest{TypeName: "gatehouse_" + kind, Config: dynamic(t, config)})
	if err != nil {
		t.Fatal(err)
	}
	return resp.Diagnostics
}

func unknownString() tftypes.Value { return tftypes.NewValue(tftypes.String, tftypes.UnknownValue) }

func TestMistakesAreToldAtTheirAttributeWithoutTheServer(t *testing.T) {
	s := &session{server(t), providerSchema(t)}
	for _, tc := range []struct {
		name, kind string
		doc        map[string]any
		more       map[string]tftypes.Value
		at, says   string
	}{
		{"owner set through member", "member", map[string]any{"email": "ann@example.com", "workspace_role": "owner"}, nil, "workspace_role", "gatehouse_workspace_owner"},
		{"broken e-mail", "member", map[string]any{"email": "ann"}, nil, "email", "ann@example.com"},
		{"unknown region", "data_residency", map[string]any{"primary_region": "eu-atlantis"}, nil, "primary_region", "eu-frankfurt"},
		{"planned region", "data_residency", map[string]any{"primary_region": "eu-paris"}, nil, "primary_region", "planned"},
		{"region outside the EU under an EU pin", "data_residency", map[string]any{"primary_region": "eu-dublin", "backup_region": "uk-london", "pin": "eu"}, nil, "backup_region", "outside the European Union"},
		{"default above the maximum", "sharing_policy", map[string]any{"default_link_expiration_days": 120.0, "max_link_expiration_days": 30.0}, nil, "default_link_expiration_days", "write 30 or less"},
		{"number out of range", "audit_policy", map[string]any{"retention_days": 30.0}, nil, "retention_days", "from 365 to 3650"},
		{"group mapped to nothing", "scim_group_mapping", map[string]any{"connection_name": "okta", "group": "Designers"}, nil, "team", "leads to nothing"},
		{"unknown permission", "role", map[string]any{"name": "x", "statements": []any{map[string]any{"effect": "allow", "permissions": []any{"asset.raed"}}}}, nil, "statements[0]", "statements[0].permissions"},
		{"unknown permission although the name is not known", "role", map[string]any{"statements": []any{map[string]any{"effect": "allow", "permissions": []any{"asset.raed"}}}}, map[string]tftypes.Value{"name": unknownString()}, "statements[0]", "did you mean \"asset.read\""},
		{"level and role", "access_grant", map[string]any{"resource": "/a", "principal": "team:design", "level": "view", "role": "auditor"}, nil, "role", "not both"},
		{"level and role on an item to come", "access_grant", map[string]any{"principal": "team:design", "level": "view", "role": "auditor"}, map[string]tftypes.Value{"resource": unknownString()}, "role", "not both"},
		{"principal without a kind", "access_grant", map[string]any{"resource": "/a", "principal": "ann@example.com", "level": "view"}, nil, "principal", "member:ann@example.com"},
		{"upper case in a map key", "team_memberships", map[string]any{"team": "design", "members": map[string]any{"Ann@example.com": "viewer"}}, nil, `members["Ann@example.com"]`, `written "ann@example.com"`},
		{"unknown team role", "team_memberships", map[string]any{"team": "design", "members": map[string]any{"ann@example.com": "boss"}}, nil, `members["ann@example.com"]`, "team_admin"},
		{"certificate that does not parse", "sso_connection", map[string]any{"name": "okta", "protocol": "saml", "saml": map[string]any{"entity_id": "x", "sso_url": "https://idp.example.com", "certificates": []any{"MIIC"}}}, nil, "saml", "BEGIN CERTIFICATE"},
		{"saml without settings", "sso_connection", map[string]any{"name": "okta", "protocol": "saml"}, nil, "saml", "needs the saml settings"},
		{"oidc settings for saml", "sso_connection", map[string]any{"name": "okta", "protocol": "saml", "saml": map[string]any{"metadata_url": "https://idp.example.com/m"}, "oidc": map[string]any{"issuer": "https://idp.example.com", "client_id": "x"}}, nil, "oidc", "remove it"},
		{"scope that covers nothing", "api_token", map[string]any{"name": "x", "service_account": "ci", "scopes": []any{"teams.*"}}, nil, "scopes", "team.*"},
		{"limits that do not nest", "session_policy", map[string]any{"absolute_timeout": "1h", "idle_timeout": "2h"}, nil, "idle_timeout", "longer than absolute_timeout"},
		{"time that is no time", "team_membership", map[string]any{"team": "design", "principal": "ann@example.com", "expires_at": "tomorrow"}, nil, "expires_at", "2027-06-30T00:00:00Z"},
		{"path that is no path", "folder", map[string]any{"path": "finance"}, nil, "path", "/finance/quarterly"},
	} {
		diags := s.validate(t, tc.kind, s.resourceValue(t, tc.kind, tc.doc, tc.more))
		if !found(diags, tc.at, tc.says) {
			t.Errorf("%s: wanted %q at %s, got %s", tc.name, tc.says, tc.at, shown(diags))
		}
	}
}

func TestNothingIsSaidOfWhatIsNotKnownYet(t *testing.T) {
	s := &session{server(t), providerSchema(t)}
	for _, tc := range []struct {
		name, kind string
		doc        map[string]any
		unknown    []string
	}{
		{"level of a grant", "access_grant", map[string]any{"resource": "/a", "principal": "team:design"}, []string{"level"}},
		{"role of a grant", "access_grant", map[string]any{"resource": "/a", "principal": "team:design"}, []string{"role"}},
		{"policy that decides what is needed", "sharing_policy", map[string]any{"grandfather_until": "2039-01-01T00:00:00Z"}, []string{"existing_shares"}},
		{"meaning of a mapping", "scim_group_mapping", map[string]any{"connection_name": "okta", "group": "x", "team_role": "viewer"}, []string{"team"}},
		{"region", "data_residency", map[string]any{"pin": "eu"}, []string{"primary_region"}},
		{"everything", "project", nil, []string{"path", "name", "team"}},
	} {
		more := map[string]tftypes.Value{}
		for _, name := range tc.unknown {
			more[name] = unknownString()
		}
		if diags := s.validate(t, tc.kind, s.resourceValue(t, tc.kind, tc.doc, more)); len(diags) > 0 {
			t.Errorf("%s: %s", tc.name, shown(diags))
		}
	}
}

func found(diags []*tfprotov6.Diagnostic, at, says string) bool {
	for _, d := range diags {
		if pathText(d.Attribute) == at && strings.Contains(d.Detail+" "+d.Summary, says) {
			return true
		}
	}
	return false
}

// pathText writes an attribute path; an element of a set stands for the set.
func pathText(p *tftypes.AttributePath) string {
	if p == nil {
		return ""
	}
	var b strings.Builder
	for _, step := range p.Steps() {
		switch s := step.(type) {
		case tftypes.AttributeName:
			if b.Len() > 0 {
				b.WriteByte('.')
			}
			b.WriteString(string(s))
		case tftypes.ElementKeyInt:
			b.WriteString("[" + string(rune('0'+int64(s))) + "]")
		case tftypes.ElementKeyString:
			b.WriteString(`["` + string(s) + `"]`)
		}
	}
	return b.String()
}

func shown(diags []*tfprotov6.Diagnostic) string {
	var out []string
	for _, d := range diags {
		out = append(out, pathText(d.Attribute)+": "+d.Summary+": "+d.Detail)
	}
	return strings.Join(out, "\n  ")
}
