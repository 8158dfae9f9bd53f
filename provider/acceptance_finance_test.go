package provider

import (
	"fmt"
	"slices"
	"testing"

	"github.com/hashicorp/terraform-plugin-testing/helper/resource"
	"github.com/hashicorp/terraform-plugin-testing/terraform"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// finance is "can read files in /finance, can manage sharing in /finance/quarterly,
// cannot delete" (C027) as somebody would write it.
const finance = `
resource "gatehouse_team" "finance" {
  slug = "finance"
  name = "Finance"
}

resource "gatehouse_project" "finance" {
  path = "/finance"
  name = "Finance"
  team = gatehouse_team.finance.slug
}

resource "gatehouse_folder" "quarterly" {
  path = "${gatehouse_project.finance.path}/quarterly"
}

resource "gatehouse_folder" "payroll" {
  path        = "${gatehouse_project.finance.path}/payroll"
  inheritance = "restricted"
}

resource "gatehouse_asset" "report" {
  path = "${gatehouse_folder.quarterly.path}/report.pdf"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.finance.slug
}

resource "gatehouse_role" "auditor" {
  name = "finance-auditor"
  statements = [
    { effect = "allow", permissions = ["item.read", "asset.read"], paths = [gatehouse_project.finance.path] },
    { effect = "allow", permissions = ["sharing.manage", "grant.*", "share_link.*"], paths = [gatehouse_folder.quarterly.path] },
    provider::gatehouse::permission("deny", "/", "item.delete", "asset.delete.own", "collection.delete"),
  ]
}

resource "gatehouse_role_assignment" "auditor" {
  role      = gatehouse_role.auditor.name
  principal = "member:member@example.com"
  scope     = "/"
}
`

// TestAccReadersOfFinanceShareQuarterlyAndDeleteNothing applies the sentence and asks
// the server, row by row, and then tries it through the public door.
func TestAccReadersOfFinanceShareQuarterlyAndDeleteNothing(t *testing.T) {
	a := startAcceptance(t)
	auditor, err := client.New(client.Config{Endpoint: a.URL, Token: a.MemberToken})
	if err != nil {
		t.Fatal(err)
	}
	owner, member := a.client.Workspace(a.Workspace), auditor.Workspace(a.Workspace)
	all := []string{"item.read", "asset.read", "asset.download", "comment.create", "asset.update", "sharing.manage", "grant.create", "grant.delete", "share_link.create", "item.settings", "item.create", "item.delete", "asset.delete.own", "collection.delete"}
	shares := []string{"item.read", "asset.read", "sharing.manage", "grant.create", "grant.delete", "share_link.create"}
	table := map[string][]string{
		"/":                              {},
		"/campaigns":                     {},
		"/finance":                       {"item.read", "asset.read"},
		"/finance/payroll":               {}, // restricted, and no statement names it
		"/finance/quarterly":             shares,
		"/finance/quarterly/report.pdf":  shares,
		"/finance/quarterly/next/report": shares, // not there yet
	}
	ask := func(context string, table map[string][]string) {
		for path, want := range table {
			for _, permission := range all {
				d, err := owner.Check(t.Context(), client.CheckRequest{Principal: "member:member@example.com", Resource: path, Permission: permission})
				if err != nil {
					t.Fatal(err)
				}
				if d.Allowed != slices.Contains(want, permission) {
					t.Errorf("%s: %s on %s: allowed is %v: %v", context, permission, path, d.Allowed, d.Reasons)
				}
			}
		}
	}
	remove := func(by *client.Workspace, kind *api.Kind, ref string) error {
		_, err := by.Delete(t.Context(), kind, ref, client.WriteOptions{})
		return err
	}
	forbidden := func(what string, err error) {
		t.Helper()
		if !client.IsCode(err, api.CodeForbidden) {
			t.Errorf("%s: %v, want it forbidden", what, err)
		}
	}
	run(t, resource.TestStep{
		Config: a.config(finance),
		Check: func(*terraform.State) error {
			ask("as written", table)
			if _, err := member.Get(t.Context(), api.AssetKind, "/finance/quarterly/report.pdf"); err != nil {
				return fmt.Errorf("reading a file: %w", err)
			}
			grant := func(path string) client.Document {
				return client.Document{"resource": path, "principal": "member:admin@example.com", "level": "view"}
			}
			// Who has no level of their own gives none away (C027 gives permissions alone).
			_, err := member.Create(t.Context(), api.AccessGrantKind, grant("/finance/quarterly"), client.WriteOptions{})
			forbidden("giving a level that one does not have", err)
			_, err = member.Create(t.Context(), api.AccessGrantKind, grant("/finance"), client.WriteOptions{})
			forbidden("sharing /finance", err)
			made, err := owner.Create(t.Context(), api.AccessGrantKind, grant("/finance/quarterly"), client.WriteOptions{})
			if err != nil {
				return err
			}
			if err := remove(member, api.AccessGrantKind, made.ID()); err != nil {
				return fmt.Errorf("revoking a share in /finance/quarterly: %w", err)
			}
			forbidden("deleting a file", remove(member, api.AssetKind, "/finance/quarterly/report.pdf"))
			// The denial stands whatever else is given.
			full, err := owner.Create(t.Context(), api.AccessGrantKind, client.Document{"resource": "/finance", "principal": "member:member@example.com", "level": "full_access"}, client.WriteOptions{})
			if err != nil {
				return err
			}
			forbidden("deleting a file with full access", remove(member, api.AssetKind, "/finance/quarterly/report.pdf"))
			if _, err := member.Create(t.Context(), api.AccessGrantKind, grant("/finance/quarterly"), client.WriteOptions{}); err != nil {
				return fmt.Errorf("sharing with a level of one's own: %w", err)
			}
			return remove(owner, api.AccessGrantKind, full.ID())
		},
	})
}
