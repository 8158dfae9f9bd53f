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

# "Role-based, with optional attribute-based overrides" (C028): confidential originals
# leave on known devices only, within a quarter of an hour of a second factor.
resource "gatehouse_attribute_policy" "confidential_originals" {
  name        = "confidential-originals"
  effect      = "deny"
  permissions = ["asset.download"]
  condition   = <<-CEDAR
    resource.classification == "confidential" &&
    !(context.device_known && context.mfa_age >= 0 && context.mfa_age < 900)
  CEDAR
}

# The auditor of finance never hands out tokens as well.
resource "gatehouse_separation_of_duties_rule" "finance" {
  name  = "finance-and-tokens"
  left  = { roles = [gatehouse_role.finance_auditor.name] }
  right = { permissions = ["api_token.write"] }
}
