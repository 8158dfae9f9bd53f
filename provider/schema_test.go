package provider

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// server starts the provider as Terraform sees it.
func server(t testing.TB) tfprotov6.ProviderServer {
	t.Helper()
	s, err := providerserver.NewProtocol6WithError(New("test")())()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func providerSchema(t testing.TB) *tfprotov6.GetProviderSchemaResponse {
	t.Helper()
	resp, err := server(t).GetProviderSchema(context.Background(), &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range resp.Diagnostics {
		t.Errorf("%s: %s", d.Summary, d.Detail)
	}
	return resp
}

func attributeNamed(attrs []*tfprotov6.SchemaAttribute, name string) *tfprotov6.SchemaAttribute {
	i := slices.IndexFunc(attrs, func(a *tfprotov6.SchemaAttribute) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return attrs[i]
}

func TestEveryKindIsAResourceWithAllItsAttributes(t *testing.T) {
	schemas := providerSchema(t)
	for _, kind := range api.Kinds() {
		s := schemas.ResourceSchemas["gatehouse_"+kind.Name]
		if s == nil {
			t.Errorf("%s has no resource: add provider/resource_%s.go", kind.Name, kind.Name)
			continue
		}
		compareFields(t, kind.Name, kind.Fields(), s.Block.Attributes)
		if attributeNamed(s.Block.Attributes, "id") == nil {
			t.Errorf("%s has no id", kind.Name)
		}
	}
	if len(schemas.ResourceSchemas) != len(api.Kinds()) {
		t.Errorf("%d resources for %d kinds", len(schemas.ResourceSchemas), len(api.Kinds()))
	}
}

func compareFields(t *testing.T, where string, fields []api.Field, attrs []*tfprotov6.SchemaAttribute) {
	t.Helper()
	for i := range fields {
		f := &fields[i]
		at := where + "." + f.Name
		a := attributeNamed(attrs, f.Name)
		if a == nil {
			t.Errorf("%s is missing", at)
			continue
		}
		if got := a.ValueType(); !got.Equal(terraformType(f)) {
			t.Errorf("%s is a %s, converted as %s", at, got, terraformType(f))
		}
		if u := usageOf(f); a.Required != u.required || a.Optional != u.optional || a.Computed != u.computed || a.WriteOnly != u.writeOnly {
			t.Errorf("%s is required=%v optional=%v computed=%v writeOnly=%v", at, a.Required, a.Optional, a.Computed, a.WriteOnly)
		}
		if a.Description == "" {
			t.Errorf("%s has no description", at)
		}
		if a.NestedType != nil {
			compareFields(t, at, f.Fields, a.NestedType.Attributes)
		}
	}
}

// A secret goes in by a write-only argument and comes out by an ephemeral resource:
// no attribute that state or plan would hold may carry one.
func TestNoAttributeStoresASecret(t *testing.T) {
	schemas := providerSchema(t)
	var walk func(where string, attrs []*tfprotov6.SchemaAttribute)
	walk = func(where string, attrs []*tfprotov6.SchemaAttribute) {
		for _, a := range attrs {
			at := where + "." + a.Name
			if a.NestedType != nil {
				walk(at, a.NestedType.Attributes)
			}
			if strings.HasSuffix(a.Name, "_wo") && !a.WriteOnly {
				t.Errorf("%s is named like a write-only argument and is stored", at)
			}
			if a.WriteOnly && !strings.HasSuffix(a.Name, "_wo") {
				t.Errorf("%s is write-only and not named _wo", at)
			}
			if !a.WriteOnly && a.ValueType().Is(tftypes.String) && soundsSecret(a.Name) {
				t.Errorf("%s would be stored", at)
			}
			if a.Sensitive {
				t.Errorf("%s is sensitive: it must not be in state at all", at)
			}
		}
	}
	for name, s := range schemas.ResourceSchemas {
		walk(name, s.Block.Attributes)
	}
	for name, s := range schemas.DataSourceSchemas {
		walk("data."+name, s.Block.Attributes)
	}
	for name, s := range schemas.EphemeralResourceSchemas {
		for _, a := range s.Block.Attributes {
			if a.Computed && soundsSecret(a.Name) && !a.Sensitive {
				t.Errorf("ephemeral.%s.%s is not sensitive", name, a.Name)
			}
		}
	}
}

func soundsSecret(name string) bool {
	if name == "token_id" || strings.HasSuffix(name, "_version") || strings.HasPrefix(name, "require_") || name == "password_login" {
		return false
	}
	for _, word := range []string{"secret", "password", "token", "private_key", "credential"} {
		if name == word || strings.Contains(name, word) {
			return true
		}
	}
	return false
}

// Framework sets are compared in O(n²) (DESIGN.md section 9).
func TestNoSetCanGrowLarge(t *testing.T) {
	for _, kind := range api.Kinds() {
		var walk func(where string, fields []api.Field)
		walk = func(where string, fields []api.Field) {
			for i := range fields {
				f := &fields[i]
				if _, set := terraformType(f).(tftypes.Set); set && f.MaxItems > maxSetItems {
					t.Errorf("%s.%s is a set of up to %d", where, f.Name, f.MaxItems)
				}
				walk(where+"."+f.Name, f.Fields)
			}
		}
		walk(kind.Name, kind.Fields())
	}
}

func TestEveryResourceHasAnExampleAndImport(t *testing.T) {
	for name := range providerSchema(t).ResourceSchemas {
		for _, file := range []string{"resource.tf", "import.sh", "import-by-identity.tf"} {
			exampleExists(t, filepath.Join("resources", name, file), name)
		}
	}
}

func TestEveryDataSourceFunctionAndEphemeralResourceHasAnExample(t *testing.T) {
	schemas := providerSchema(t)
	for name := range schemas.DataSourceSchemas {
		exampleExists(t, filepath.Join("data-sources", name, "data-source.tf"), name)
	}
	for name := range schemas.Functions {
		exampleExists(t, filepath.Join("functions", name, "function.tf"), "::"+name+"(")
	}
	for name := range schemas.EphemeralResourceSchemas {
		exampleExists(t, filepath.Join("ephemeral-resources", name, "ephemeral-resource.tf"), name)
	}
	for name := range schemas.ListResourceSchemas {
		exampleExists(t, filepath.Join("list-resources", name, "list-resource.tfquery.hcl"), name)
	}
	exampleExists(t, filepath.Join("provider", "provider.tf"), "gatehouse")
}

func exampleExists(t *testing.T, file, mentions string) {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "examples", file))
	if err != nil {
		t.Errorf("examples/%s is missing", file)
		return
	}
	if !strings.Contains(string(raw), mentions) {
		t.Errorf("examples/%s does not show %s", file, mentions)
	}
}

func TestEveryResourceHasAnIdentity(t *testing.T) {
	resp, err := server(t).GetResourceIdentitySchemas(t.Context(), &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range api.Kinds() {
		identity := resp.IdentitySchemas["gatehouse_"+kind.Name]
		if identity == nil {
			t.Errorf("%s has no identity", kind.Name)
			continue
		}
		var names []string
		for _, a := range identity.IdentityAttributes {
			names = append(names, a.Name)
		}
		slices.Sort(names)
		want := []string{"key", "workspace"}
		if kind.Singleton {
			want = want[1:]
		}
		if !slices.Equal(names, want) {
			t.Errorf("%s is identified by %v", kind.Name, names)
		}
	}
}

// RESOURCES.md section 6 names the kinds that can be listed.
func TestListResourcesOfTheDesignExist(t *testing.T) {
	schemas := providerSchema(t).ListResourceSchemas
	for _, name := range []string{"member", "guest", "team", "team_membership", "role", "role_assignment", "access_grant", "share_link", "project", "collection", "sso_connection", "scim_group_mapping", "api_token"} {
		if api.KindByName(name) != nil && schemas["gatehouse_"+name] == nil {
			t.Errorf("%s cannot be listed", name)
		}
	}
}
