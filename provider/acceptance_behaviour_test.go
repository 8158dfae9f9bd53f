package provider

import (
	"context"
	"fmt"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/plancheck"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

const designTeam = `
resource "gatehouse_team" "design" {
  slug = "design"
  name = "Design"
}
`

func run(t *testing.T, steps ...resource.TestStep) {
	t.Helper()
	resource.Test(t, resource.TestCase{ProtoV6ProviderFactories: factories(), Steps: steps})
}

func planOnly(step resource.TestStep) resource.TestStep {
	step.PlanOnly = true
	return step
}

func TestAccMistakesAreRefusedAtPlan(t *testing.T) {
	a := startAcceptance(t)
	if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), api.TeamKind, client.Document{"slug": "mapped", "name": "Mapped"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	mapping := client.Document{"connection_name": "okta", "group": "Designers", "team": "mapped", "team_role": "editor"}
	if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), api.SCIMGroupMappingKind, mapping, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		config string
		words  []string
	}{
		"authoritative memberships on a team that the same plan maps": {`resource "gatehouse_team" "x" {
			slug = "fresh"
			name = "Fresh"
		}
		resource "gatehouse_team_memberships" "x" {
			team    = gatehouse_team.x.slug
			members = { "member@example.com" = "viewer" }
		}
		resource "gatehouse_scim_group_mapping" "x" {
			connection_name = "okta"
			group           = "Fresh"
			team            = gatehouse_team.x.slug
			team_role       = "viewer"
		}`, []string{"same plan", `sources = ["terraform"]`}},
		"unknown role": {`resource "gatehouse_role_assignment" "x" {
			role      = "auditr"
			principal = "member:member@example.com"
		}`, []string{"Invalid role", `"auditr"`}},
		"unknown region": {`resource "gatehouse_data_residency" "x" { primary_region = "eu-atlantis" }`, []string{"Invalid primary_region", "eu-frankfurt"}},
		"planned region": {`resource "gatehouse_data_residency" "x" { primary_region = "eu-madrid" }`, []string{"Invalid primary_region", "planned"}},
		"region outside the EU under an EU pin": {`resource "gatehouse_data_residency" "x" {
			primary_region  = "eu-dublin"
			replica_regions = ["uk-london"]
			pin             = "eu"
		}`, []string{"Invalid replica_regions", "outside the European Union"}},
		"owner set through member": {`resource "gatehouse_member" "x" {
			email          = "ann@example.com"
			workspace_role = "owner"
		}`, []string{"workspace_role", "gatehouse_workspace_owner"}},
		"default expiration above the maximum": {`resource "gatehouse_sharing_policy" "x" {
			default_link_expiration_days = 100
			max_link_expiration_days     = 30
		}`, []string{"default_link_expiration_days", "write 30 or less"}},
		"certificate that does not parse": {`resource "gatehouse_sso_connection" "x" {
			name     = "okta"
			protocol = "saml"
			saml = {
				entity_id    = "x"
				sso_url      = "https://idp.example.com/sso"
				certificates = ["-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"]
			}
		}`, []string{"certificate"}},
		"group mapping to nothing": {`resource "gatehouse_scim_group_mapping" "x" {
			connection_name = "okta"
			group           = "Finance"
		}`, []string{"leads to nothing"}},
		"authoritative memberships on a SCIM-mapped team": {`resource "gatehouse_team_memberships" "x" {
			team    = "mapped"
			members = { "member@example.com" = "viewer" }
		}`, []string{"terraform"}},
		"custom role with an unknown permission": {`resource "gatehouse_role" "x" {
			name       = "x"
			statements = [{ effect = "allow", permissions = ["asset.raed"] }]
		}`, []string{"asset.read"}},
		"team that does not exist": {`resource "gatehouse_project" "x" {
			path = "/x"
			name = "X"
			team = "nobody"
		}`, []string{"Invalid team of project", `there is no team "nobody"`}},
		"member of a team that does not exist": {`resource "gatehouse_team_membership" "x" {
			team      = "mapped"
			principal = "nobody@example.com"
		}`, []string{"Invalid principal", "nobody@example.com"}},
	} {
		t.Run(name, func(t *testing.T) { run(t, planOnly(expectError(a.config(tc.config), tc.words...))) })
	}
}

func TestAccLetterCaseIsNoChange(t *testing.T) {
	a := startAcceptance(t)
	write := func(email, slug, times string) string {
		return a.config(fmt.Sprintf("resource \"gatehouse_team\" \"x\" {\n  slug = %q\n  name = \"X\"\n}\nresource \"gatehouse_team_membership\" \"x\" {\n  team = gatehouse_team.x.slug\n  principal = %q\n  expires_at = %q\n}\n", slug, email, times))
	}
	run(t,
		resource.TestStep{Config: write("Member@Example.com", "Design", "2039-01-01T01:00:00+01:00"), Check: resource.TestCheckResourceAttr("gatehouse_team.x", "slug", "Design")},
		planOnly(resource.TestStep{Config: write("member@example.com", "design", "2039-01-01T00:00:00Z")}),
	)
}

func TestAccExistingObjectAsksForImport(t *testing.T) {
	a := startAcceptance(t)
	if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), api.TeamKind, client.Document{"slug": "design", "name": "Design"}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	run(t,
		planOnly(expectError(a.config(designTeam), "Cannot create team", "import {", "acme/design")),
		resource.TestStep{Config: a.config(designTeam), ResourceName: "gatehouse_team.design", ImportState: true, ImportStateId: "design", ImportStatePersist: true},
		planOnly(resource.TestStep{Config: a.config(designTeam)}),
	)
}

func TestAccSettingMadeByHandNeedsAdoption(t *testing.T) {
	a := startAcceptance(t)
	if _, err := a.client.Workspace(a.Workspace).Put(t.Context(), api.LoginPolicyKind, "", client.Document{"max_failed_attempts": 42}, client.WriteOptions{}); err != nil {
		t.Fatal(err)
	}
	policy := func(extra string) string {
		return a.config("resource \"gatehouse_login_policy\" \"x\" {\n  max_failed_attempts = 5\n" + extra + "}\n")
	}
	run(t,
		planOnly(expectError(policy(""), "login policy was set by somebody else", "max_failed_attempts: 42 -> 5", "adopt = true")),
		resource.TestStep{Config: policy("  adopt = true\n"), Check: resource.TestCheckResourceAttr("gatehouse_login_policy.x", "max_failed_attempts", "5")},
	)
}

func TestAccTwoStacksDoNotFight(t *testing.T) {
	a := startAcceptance(t)
	other := a.providerBlock(a.OwnerToken, "other", "")
	if err := a.asStack(t, "other", api.TeamKind, client.Document{"slug": "design", "name": "Design"}); err != nil {
		t.Fatal(err)
	}
	renamed := "resource \"gatehouse_team\" \"design\" {\n  slug = \"design\"\n  name = \"Renamed\"\n}\n"
	run(t,
		resource.TestStep{Config: a.config(renamed), ResourceName: "gatehouse_team.design", ImportState: true, ImportStateId: "acme/design", ImportStatePersist: true},
		planOnly(expectError(a.config(renamed), `stack "other"`, "Two stacks must not manage one object")),
		resource.TestStep{Config: other + renamed},
	)
}

// asStack creates an object as another stack would.
func (a *acceptance) asStack(t *testing.T, stack string, kind *api.Kind, doc client.Document) error {
	t.Helper()
	c, err := client.New(client.Config{Endpoint: a.URL, Token: a.OwnerToken, Stack: stack})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Workspace(a.Workspace).Create(t.Context(), kind, doc, client.WriteOptions{})
	return err
}

func TestAccEditBehindTheBackIsShownAndPutBack(t *testing.T) {
	a := startAcceptance(t)
	team := "resource \"gatehouse_team\" \"x\" {\n  slug = \"design\"\n  name = \"Design\"\n  description = \"Draws\"\n}\n"
	edit := func() {
		if _, err := a.client.Workspace(a.Workspace).Put(context.Background(), api.TeamKind, "design", client.Document{"slug": "design", "name": "Changed"}, client.WriteOptions{}); err != nil {
			t.Error(err)
		}
	}
	remove := func() {
		if _, err := a.client.Workspace(a.Workspace).Delete(context.Background(), api.TeamKind, "design", client.WriteOptions{}); err != nil {
			t.Error(err)
		}
	}
	expect := func(action plancheck.ResourceActionType) resource.ConfigPlanChecks {
		return resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("gatehouse_team.x", action)}}
	}
	run(t,
		resource.TestStep{Config: a.config(team)},
		resource.TestStep{PreConfig: edit, Config: a.config(team), ConfigPlanChecks: expect(plancheck.ResourceActionUpdate), Check: resource.TestCheckResourceAttr("gatehouse_team.x", "name", "Design")},
		resource.TestStep{PreConfig: remove, Config: a.config(team), ConfigPlanChecks: expect(plancheck.ResourceActionCreate)},
	)
}

func TestAccChangedKeyMakesANewObject(t *testing.T) {
	a := startAcceptance(t)
	mapping := func(team string) string {
		return a.config(designTeam + "resource \"gatehouse_team\" \"motion\" {\n  slug = \"motion\"\n  name = \"Motion\"\n}\n" +
			"resource \"gatehouse_scim_group_mapping\" \"x\" {\n  connection_name = \"okta\"\n  group = \"G\"\n  team = gatehouse_team." + team + ".slug\n  team_role = \"viewer\"\n}\n")
	}
	run(t,
		resource.TestStep{Config: mapping("design")},
		resource.TestStep{Config: mapping("motion"), ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("gatehouse_scim_group_mapping.x", plancheck.ResourceActionDestroyBeforeCreate)}}},
	)
}

func TestAccReplacingAnObjectOfTheSameKeyPlans(t *testing.T) {
	a := startAcceptance(t)
	token := func(account string) string {
		return a.config(fmt.Sprintf("resource \"gatehouse_service_account\" \"one\" {\n  name = \"one\"\n  owner = \"owner@example.com\"\n}\nresource \"gatehouse_service_account\" \"two\" {\n  name = \"two\"\n  owner = \"owner@example.com\"\n}\nresource \"gatehouse_api_token\" \"x\" {\n  name = \"same\"\n  service_account = gatehouse_service_account.%s.name\n  scopes = [\"read_only\"]\n}\n", account))
	}
	run(t, resource.TestStep{Config: token("one")}, resource.TestStep{Config: token("two"), Check: resource.TestCheckResourceAttr("gatehouse_api_token.x", "service_account", "two")})
}

func TestAccReadOnlyPlansAndWritesNothing(t *testing.T) {
	a := startAcceptance(t)
	readOnly := a.providerBlock(a.OwnerToken, "acceptance", "  read_only = true")
	run(t,
		resource.TestStep{Config: a.config(designTeam)},
		planOnly(resource.TestStep{Config: readOnly + designTeam}),
		expectError(readOnly+"resource \"gatehouse_team\" \"design\" {\n  slug = \"design\"\n  name = \"Changed\"\n}\n", "read_only = true"),
		resource.TestStep{Config: a.config(designTeam)},
	)
}

func TestAccRemovalGuard(t *testing.T) {
	a := startAcceptance(t)
	a.addMembers(t, 12)
	memberships := func(n int, guards string) string {
		return a.providerBlock(a.OwnerToken, "acceptance", guards) + designTeam + fmt.Sprintf("resource \"gatehouse_team_memberships\" \"x\" {\n  team = gatehouse_team.design.slug\n  members = { for i in range(%d) : \"p${i}@example.com\" => \"viewer\" }\n}\n", n)
	}
	run(t,
		resource.TestStep{Config: memberships(12, "")},
		planOnly(expectError(memberships(6, ""), "Too many would be removed", "6 of 12", "max_removal_ratio")),
		resource.TestStep{Config: memberships(10, "")},
		resource.TestStep{Config: memberships(3, "  guards = { max_removal_ratio = 1 }")},
		planOnly(expectError(memberships(0, ""), "Too many would be removed", "3 of 3")),
	)
}

// addMembers makes p0@example.com and so on.
func (a *acceptance) addMembers(t testing.TB, n int) {
	t.Helper()
	for i := range n {
		doc := client.Document{"email": fmt.Sprintf("p%d@example.com", i)}
		if _, err := a.client.Workspace(a.Workspace).Create(t.Context(), api.MemberKind, doc, client.WriteOptions{}); err != nil {
			t.Fatal(err)
		}
	}
}

// Lists over 200 caused perpetual differences elsewhere: page to the end.
func TestAccAuthoritativeTeamOfMoreThanAThousand(t *testing.T) {
	a := startAcceptance(t)
	a.addMembers(t, 1100)
	config := a.config(designTeam + "resource \"gatehouse_team_memberships\" \"x\" {\n  team = gatehouse_team.design.slug\n  members = { for i in concat(range(1000), range(1000, 1050)) : \"p${i}@example.com\" => \"viewer\" }\n}\n")
	byHand := func() {
		doc := client.Document{"team": "design", "principal": "p1099@example.com", "role": "team_admin"}
		if _, err := a.client.Workspace(a.Workspace).Create(context.Background(), api.TeamMembershipKind, doc, client.WriteOptions{}); err != nil {
			t.Error(err)
		}
	}
	run(t,
		resource.TestStep{Config: config, Check: resource.TestCheckResourceAttr("gatehouse_team_memberships.x", "members.%", "1050")},
		resource.TestStep{PreConfig: byHand, Config: config,
			ConfigPlanChecks: resource.ConfigPlanChecks{PreApply: []plancheck.PlanCheck{plancheck.ExpectResourceAction("gatehouse_team_memberships.x", plancheck.ResourceActionUpdate)}},
			Check:            resource.TestCheckResourceAttr("gatehouse_team_memberships.x", "members.%", "1050")},
	)
}

func TestAccDeletionProtectionIsToldAtPlan(t *testing.T) {
	a := startAcceptance(t)
	project := func(protected bool) string {
		return a.config(designTeam + fmt.Sprintf("resource \"gatehouse_project\" \"x\" {\n  path = \"/x\"\n  name = \"X\"\n  team = gatehouse_team.design.slug\n  deletion_protection = %v\n}\n", protected))
	}
	run(t,
		resource.TestStep{Config: project(true)},
		planOnly(expectError(a.config(designTeam), "protected against deletion", "deletion_protection = false")),
		resource.TestStep{Config: project(false)},
	)
}

func TestAccOfferedOwnershipIsNoPerpetualDifference(t *testing.T) {
	a := startAcceptance(t)
	config := a.config("resource \"gatehouse_workspace_owner\" \"x\" {\n  principal = \"Admin@example.com\"\n  adopt = true\n}\n")
	run(t, resource.TestStep{Config: config, Check: resource.TestCheckResourceAttr("gatehouse_workspace_owner.x", "pending_principal", "admin@example.com")})
}

func TestAccOperatorMakesAWorkspaceWithEverythingInIt(t *testing.T) {
	a := startAcceptance(t)
	operator := a.providerBlock(a.OperatorToken, "platform", "")
	run(t,
		expectError(operator+"resource \"gatehouse_workspace\" \"x\" {\n  slug = \"studio\"\n  name = \"Studio\"\n}\n", "initial_owner"),
		resource.TestStep{
			Config: operator + "resource \"gatehouse_workspace\" \"x\" {\n  slug = \"Studio\"\n  name = \"Studio\"\n  initial_owner = \"Ann@example.com\"\n  deletion_protection = false\n}\n",
			Check:  resource.TestCheckResourceAttr("gatehouse_workspace.x", "state", "active"),
		},
		// Only its Owner can close it.
		resource.TestStep{Config: operator + "removed {\n  from = gatehouse_workspace.x\n  lifecycle {\n    destroy = false\n  }\n}\n"},
	)
}
