package provider

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"
)

// anyLink is a link in a workspace that allows it.
const anyLink = `
resource "gatehouse_sharing_policy" "x" {
  external_sharing      = "anyone"
  public_links          = "allowed"
  require_link_password = %t
}

resource "gatehouse_folder" "press" {
  path = "/press"
}

resource "gatehouse_share_link" "x" {
  resource = gatehouse_folder.press.path
  name     = "Press kit"
  kind     = "anyone"
  %s

  depends_on = [gatehouse_sharing_policy.x]
}
`

// The URL comes out of plan and apply alike, changes with its rotation only, and is in
// no state; who looked is told by the data sources.
func TestAccShareLinkURLIsStableUntilRotated(t *testing.T) {
	a := startAcceptance(t)
	urls := map[int]string{}
	step := func(n, rotation int) resource.TestStep {
		return resource.TestStep{
			Config: a.config(fmt.Sprintf(anyLink, false, "") +
				fmt.Sprintf("ephemeral \"gatehouse_share_link_url\" \"x\" {\n  share_link = gatehouse_share_link.x.id\n  rotation   = %d\n}\n", rotation) +
				fmt.Sprintf("provider \"echo\" {\n  data = ephemeral.gatehouse_share_link_url.x\n}\nresource \"echo\" \"x%d\" {}\n", n) +
				"data \"gatehouse_shares\" \"x\" {\n  depends_on = [gatehouse_share_link.x]\n}\ndata \"gatehouse_share_activity\" \"x\" {\n  share_link = gatehouse_share_link.x.id\n}\n"),
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr("data.gatehouse_shares.x", "shares.0.key", "/press#press-kit"),
				resource.TestCheckResourceAttr("data.gatehouse_shares.x", "shares.0.view_count", "0"),
				resource.TestCheckResourceAttr("data.gatehouse_share_activity.x", "views.#", "0"),
				func(s *terraform.State) error {
					echoed := s.RootModule().Resources[fmt.Sprintf("echo.x%d", n)].Primary.Attributes
					urls[n] = echoed["data.url"]
					if urls[n] != a.URL+"/s/"+echoed["data.token"] || !strings.HasPrefix(echoed["data.token"], "ghl_") {
						return fmt.Errorf("the ephemeral resource gave %v", echoed)
					}
					for name, r := range s.RootModule().Resources {
						for attr, value := range r.Primary.Attributes {
							if !strings.HasPrefix(name, "echo.") && strings.Contains(value, echoed["data.token"]) {
								return fmt.Errorf("the token is in the state of %s: %s", name, attr)
							}
						}
					}
					return nil
				}),
		}
	}
	resource.Test(t, resource.TestCase{
		ProtoV6ProviderFactories: withEcho(),
		Steps:                    []resource.TestStep{step(1, 1), step(2, 1), step(3, 2)},
	})
	if urls[1] == "" || urls[1] != urls[2] || urls[2] == urls[3] {
		t.Errorf("the URLs of rotations 1, 1, 2 are the same: %t, and another: %t", urls[1] == urls[2], urls[2] != urls[3])
	}
}

// What the sharing policy does not allow is an error of the plan, at the attribute. A
// password goes in and is nowhere again.
func TestAccShareLinksKeepTheSharingPolicy(t *testing.T) {
	a := startAcceptance(t)
	run(t,
		resource.TestStep{Config: a.config(fmt.Sprintf(anyLink, false, ""))},
		expectError(a.config(fmt.Sprintf(anyLink, false, `level = "edit"`)), "Invalid level"),
		expectError(a.config(fmt.Sprintf(anyLink, false, `password_wo = "correct horse battery"`)), "password_wo_version"),
		expectError(a.config(fmt.Sprintf(anyLink, false, `expires_at = "2090-01-01T00:00:00Z"`)), "max_link_expiration_days"),
		resource.TestStep{
			Config: a.config(fmt.Sprintf(anyLink, true, "password_wo = \"correct horse battery\"\n  password_wo_version = 1")),
			Check: resource.ComposeAggregateTestCheckFunc(
				resource.TestCheckResourceAttr("gatehouse_share_link.x", "password_set", "true"),
				resource.TestCheckNoResourceAttr("gatehouse_share_link.x", "password_wo"),
				func(s *terraform.State) error {
					var held []string
					for _, r := range s.RootModule().Resources {
						for _, v := range r.Primary.Attributes {
							held = append(held, v)
						}
					}
					if slices.ContainsFunc(held, func(v string) bool { return strings.Contains(v, "correct horse") }) {
						return fmt.Errorf("the password is in the state")
					}
					return nil
				}),
		},
	)
}
