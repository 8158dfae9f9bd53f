package provider

import (
	"errors"
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// A policy is applied that leaves an existing share alone, an override that would
// loosen is refused at plan, and one that enforces itself ends the share.
func TestAccSharingPolicyAndItsOverrides(t *testing.T) {
	a := startAcceptance(t)
	ws := a.client.Workspace(a.Workspace)
	if _, err := ws.Put(t.Context(), api.SharingPolicyKind, "", client.Document{"external_sharing": "anyone", "require_external_approval": false}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := ws.Put(t.Context(), api.FolderKind, "/board", client.Document{"path": "/board"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := ws.Create(t.Context(), api.AccessGrantKind, client.Document{"resource": "/board", "principal": "email:ann@client.example", "level": "view"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	grants := func(want int) resource.TestCheckFunc {
		return func(*terraform.State) error {
			got, err := ws.List(t.Context(), api.AccessGrantKind, nil)
			if err == nil && len(got) != want {
				err = fmt.Errorf("%d grants are left, want %d", len(got), want)
			}
			return err
		}
	}
	policy := `
resource "gatehouse_sharing_policy" "this" {
  external_sharing = "allowlist"
  allowed_domains  = ["partner.example"]
  adopt            = true
}

data "gatehouse_policy_conformance" "all" {
  depends_on = [gatehouse_sharing_policy.this]
}
`
	override := func(body string) string {
		return policy + "resource \"gatehouse_sharing_policy_override\" \"board\" {\n  path = \"/board\"\n  depends_on = [gatehouse_sharing_policy.this]\n" + body + "}\n"
	}
	conforms := func(want string) resource.TestCheckFunc {
		return resource.TestCheckResourceAttr("data.gatehouse_policy_conformance.all", "conforms", want)
	}
	run(t,
		resource.TestStep{Config: a.config(policy), Check: resource.ComposeAggregateTestCheckFunc(grants(1), conforms("false"),
			resource.TestCheckResourceAttr("data.gatehouse_policy_conformance.all", "shares.0.reasons.0.attribute", "allowed_domains"))},
		planOnly(expectError(a.config(override("  external_sharing = \"anyone\"\n")), "is looser than what holds", "allowlist")),
		planOnly(expectError(a.config(override("  guest_max_days = 365\n")), "365 is looser")),
		resource.TestStep{Config: a.config(override("  external_sharing = \"disabled\"\n")), Check: grants(1)},
		resource.TestStep{Config: a.config(override("  external_sharing = \"disabled\"\n  existing_shares = \"enforce\"\n")), Check: grants(0)},
		resource.TestStep{Config: a.config(override("  external_sharing = \"disabled\"\n  existing_shares = \"enforce\"\n")), Check: conforms("true")},
		resource.TestStep{Config: a.config(policy), Check: func(*terraform.State) error {
			if _, err := ws.Get(t.Context(), api.SharingPolicyOverrideKind, "/board"); !client.IsNotFound(err) {
				return errors.New("the override is still there")
			}
			return nil
		}},
	)
}
