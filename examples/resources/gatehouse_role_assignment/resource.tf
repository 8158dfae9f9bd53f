resource "gatehouse_role" "finance_reviewer" {
  name       = "finance-reviewer"
  base_level = "view"
}

resource "gatehouse_team" "controlling" {
  slug = "controlling"
  name = "Controlling"
}

resource "gatehouse_project" "finance" {
  path = "/finance"
  name = "Finance"
  team = gatehouse_team.controlling.slug
}

resource "gatehouse_role_assignment" "controlling" {
  role          = gatehouse_role.finance_reviewer.name
  principal     = "team:${gatehouse_team.controlling.slug}"
  scope         = gatehouse_project.finance.path
  expires_at    = "2030-12-31T00:00:00Z"
  justification = "Annual audit"
}
