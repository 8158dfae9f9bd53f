package provider

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-testing/echoprovider"
	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func TestAccEveryDataSourceReads(t *testing.T) {
	a := startAcceptance(t)
	for _, doc := range []struct {
		kind *api.Kind
		doc  client.Document
	}{
		{api.TeamKind, client.Document{"slug": "design", "name": "Design"}},
		{api.ProjectKind, client.Document{"path": "/finance", "name": "Finance", "team": "design"}},
		{api.SSOConnectionKind, client.Document{"name": "entra", "protocol": "oidc", "oidc": map[string]any{"issuer": "https://login.example.com", "client_id": "x"}}},
		{api.AccessGrantKind, client.Document{"resource": "/finance", "principal": "member:member@example.com", "level": "comment"}},
	} {
		if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), doc.kind, doc.doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	data := func(kind, body string) string {
		return fmt.Sprintf("data \"gatehouse_%s\" \"x\" {\n%s\n}\n", kind, body)
	}
	attr := func(kind, name, value string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("data.gatehouse_"+kind+".x", name, value)
	}
	run(t, resource.TestStep{
		Config: a.config(data("workspace", `slug = "Acme"`) + data("current_principal", "") + data("member", `email = "Admin@example.com"`) +
			data("members", `workspace_role = "admin"`) + data("team", `slug = "design"`) + data("teams", "") + data("role", `name = "Editor"`) +
			data("permissions", `pattern = "share_link.*"`) + data("project", `path = "/Finance"`) + data("projects", `team = "design"`) + data("regions", "") +
			data("sso_service_provider", `connection_name = "entra"`) + data("scim_service_provider", "") + data("audit_events", "action = \"team.*\"\nlimit = 5") +
			data("effective_access", "principal = \"member:member@example.com\"\nresource = \"/finance\"") +
			data("access_decision", "principal = \"member:member@example.com\"\nresource = \"/finance\"\npermission = \"asset.download\"\ncontext = {\n  device_known = true\n  time = \"2030-01-01T00:00:00Z\"\n}")),
		Check: resource.ComposeAggregateTestCheckFunc(
			attr("workspace", "name", "acme"), attr("workspace", "slug", "Acme"),
			attr("current_principal", "principal", "member:owner@example.com"), attr("current_principal", "workspace_role", "owner"),
			attr("member", "workspace_role", "admin"), attr("members", "members.#", "1"), attr("members", "members.0.email", "admin@example.com"),
			attr("team", "name", "Design"), attr("teams", "teams.#", "1"), attr("role", "base_level", "edit"), attr("role", "built_in", "true"),
			attr("permissions", "permissions.#", "4"), attr("project", "team", "design"), attr("projects", "projects.0.path", "/finance"),
			attr("regions", "available.#", "4"), attr("regions", "regions.#", "7"),
			resource.TestCheckResourceAttrSet("data.gatehouse_sso_service_provider.x", "redirect_uri"),
			resource.TestCheckResourceAttrSet("data.gatehouse_scim_service_provider.x", "base_url"),
			attr("audit_events", "events.0.action", "team.created"), attr("audit_events", "events.0.actor", "member:owner@example.com"),
			attr("effective_access", "level", "comment"), attr("access_decision", "allowed", "false"),
			resource.TestCheckResourceAttrSet("data.gatehouse_access_decision.x", "reasons.0.text"),
		),
	})
}

func TestAccDataSourceOfNothingSaysSo(t *testing.T) {
	a := startAcceptance(t)
	run(t,
		planOnly(expectError(a.config("data \"gatehouse_team\" \"x\" {\n  slug = \"nobody\"\n}\n"), "Cannot read team", "nobody")),
		planOnly(expectError(a.config("data \"gatehouse_role\" \"x\" {\n  name = \"nobody\"\n}\n"), "There is no such role", "commenter")),
	)
}

func withEcho() map[string]func() (tfprotov6.ProviderServer, error) {
	out := factories()
	out["echo"] = echoprovider.NewProviderServer()
	return out
}

const echo = "provider \"echo\" {\n  data = %s\n}\nresource \"echo\" \"x\" {}\n"

// The value of a token is good while Terraform runs and dead afterwards.
func TestAccEphemeralAPITokenIsRevokedWhenTerraformIsDone(t *testing.T) {
	a := startAcceptance(t)
	account := client.Document{"name": "drift", "owner": "owner@example.com"}
	if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), api.ServiceAccountKind, account, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	var secret string
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: withEcho(), Steps: []resource.TestStep{{
		Config: a.config("ephemeral \"gatehouse_api_token\" \"x\" {\n  service_account = \"drift\"\n  scopes = [\"read_only\"]\n  ttl = \"10m\"\n}\n" + fmt.Sprintf(echo, "ephemeral.gatehouse_api_token.x")),
		Check: func(s *terraform.State) error {
			secret = s.RootModule().Resources["echo.x"].Primary.Attributes["data.secret"]
			return nil
		},
	}}})
	if secret == "" {
		t.Fatal("no secret was given out")
	}
	c, err := client.New(client.Config{Endpoint: a.URL, Token: secret, Retry: client.RetryPolicy{MaxAttempts: 1}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.WhoAmI(t.Context()); !client.IsCode(err, api.CodeUnauthenticated) {
		t.Errorf("the token still works: %v", err)
	}
	left, err := a.client.Workspace(a.Workspace).List(t.Context(), api.APITokenKind, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range left {
		if strings.HasPrefix(token.Key(), tokenNameStart) && token["revoked_at"] == nil {
			t.Errorf("%s is left behind", token.Key())
		}
	}
}

func TestAccEphemeralSCIMTokenRotates(t *testing.T) {
	a := startAcceptance(t)
	secrets := map[int]string{}
	step := func(n, rotation int) resource.TestStep {
		return resource.TestStep{
			Config: a.config("resource \"gatehouse_scim_token\" \"x\" {\n  connection_name = \"okta\"\n  name = \"push\"\n}\n" +
				fmt.Sprintf("ephemeral \"gatehouse_scim_token\" \"x\" {\n  token_id = gatehouse_scim_token.x.id\n  rotation = %d\n}\n", rotation) +
				fmt.Sprintf("provider \"echo\" {\n  data = ephemeral.gatehouse_scim_token.x\n}\nresource \"echo\" \"x%d\" {}\n", n)),
			Check: func(s *terraform.State) error {
				secrets[n] = s.RootModule().Resources[fmt.Sprint("echo.x", n)].Primary.Attributes["data.secret"]
				raw, err := json.Marshal(s.RootModule().Resources["gatehouse_scim_token.x"])
				if err == nil && strings.Contains(string(raw), secrets[n]) {
					err = fmt.Errorf("the secret is in the state of the token")
				}
				return err
			},
		}
	}
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: withEcho(), Steps: []resource.TestStep{step(1, 1), step(2, 1), step(3, 2)}})
	if secrets[1] == "" || secrets[1] != secrets[2] || secrets[3] == secrets[1] || secrets[3] == "" {
		t.Errorf("same rotation same secret %v, next rotation another %v", secrets[1] == secrets[2], secrets[3] != secrets[1])
	}
}

func TestAccWriteOnlySecretIsSentAndNotStored(t *testing.T) {
	a := startAcceptance(t)
	const secret = "correct-horse-battery-staple"
	config := func(secret string, version int) string {
		return a.config(fmt.Sprintf("resource \"gatehouse_sso_connection\" \"x\" {\n  name = \"entra\"\n  protocol = \"oidc\"\n  oidc = {\n    issuer = \"https://login.example.com\"\n    client_id = \"x\"\n    client_secret_wo = %q\n    client_secret_wo_version = %d\n  }\n}\n", secret, version))
	}
	clean := func(s *terraform.State) error {
		raw, err := json.Marshal(s)
		if err == nil && strings.Contains(string(raw), secret) {
			err = fmt.Errorf("the secret is in the state")
		}
		return err
	}
	run(t,
		resource.TestStep{Config: config(secret, 1), Check: clean},
		// Terraform cannot see that the value changed; only the version tells.
		planOnly(resource.TestStep{Config: config(secret+"-two", 1)}),
		resource.TestStep{Config: config(secret+"-two", 2), Check: clean},
	)
}
