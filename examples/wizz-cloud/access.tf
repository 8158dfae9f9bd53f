resource "gatehouse_member" "lead" {
  email          = "xia@example.com"
  workspace_role = "admin"
}

resource "gatehouse_member" "auditor" {
  email = "yan@example.com"
}

resource "gatehouse_project" "finance" {
  path           = "/finance"
  name           = "Finance"
  team           = gatehouse_team.this["finance"].slug
  classification = "confidential"
}

resource "gatehouse_folder" "quarterly" {
  path = "${gatehouse_project.finance.path}/quarterly"
}

# "can read files in /finance, can manage sharing in /finance/quarterly, cannot
# delete" (C027).
resource "gatehouse_role" "finance_auditor" {
  name        = "finance-auditor"
  description = "Reads finance, shares the quarterly reports, deletes nothing."
  statements = [
    { effect = "allow", permissions = ["asset.read", "item.read"], paths = [gatehouse_project.finance.path] },
    { effect = "allow", permissions = ["sharing.manage", "share_link.*"], paths = [gatehouse_folder.quarterly.path] },
    { effect = "deny", permissions = ["item.delete", "asset.delete.own"], paths = ["/"] },
  ]
}

resource "gatehouse_role_assignment" "auditor" {
  role          = gatehouse_role.finance_auditor.name
  principal     = "member:${gatehouse_member.auditor.email}"
  scope         = "/"
  justification = "Yearly audit."
}

# The built-in roles Viewer, Commenter, Editor, Manager, Admin (C026).
resource "gatehouse_role_assignment" "design_commenter" {
  role      = "commenter"
  principal = "team:${gatehouse_team.this["design"].slug}"
  scope     = gatehouse_project.finance.path
}

resource "gatehouse_sharing_policy" "this" {
  external_sharing      = "disabled"
  public_links          = "disabled"
  require_link_password = true
}
