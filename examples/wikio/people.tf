# Workspace roles: Owner, Admin, Member, Guest, each with less authority (C012).
resource "gatehouse_member" "admin" {
  for_each       = toset(["bea@example.com", "cal@example.com"])
  email          = each.key
  workspace_role = "admin" # creates teams, manages members, views audit logs (C014)
}

resource "gatehouse_member" "producer" {
  email          = "dot@example.com"
  workspace_role = "member" # creates projects, uploads assets, invites others (C015)
  display_name   = "Dot Producer"
}

# Teams with the roles Team Admin, Editor, Reviewer and Viewer (C018). Their people
# come from Okta through provisioning.tf.
resource "gatehouse_team" "this" {
  for_each = {
    design  = "Design"
    finance = "Finance"
    review  = "Review"
  }
  slug = each.key
  name = each.value
}

# A team that code owns whole.
resource "gatehouse_team" "leads" {
  slug        = "leads"
  name        = "Leads"
  description = "Who answers for the workspace."
}

resource "gatehouse_team_memberships" "leads" {
  team = gatehouse_team.leads.slug
  members = {
    (gatehouse_member.admin["bea@example.com"].email) = "team_admin"
    (gatehouse_member.admin["cal@example.com"].email) = "editor"
    (gatehouse_member.producer.email)                 = "reviewer"
  }
}

# One more editor for Design, added by code beside those that Okta pushes.
resource "gatehouse_team_membership" "producer_in_design" {
  team      = gatehouse_team.this["design"].slug
  principal = gatehouse_member.producer.email
  role      = "editor"
}
