# "New joiners, role changes, and offboarding propagate immediately" (C039).
resource "gatehouse_scim_token" "entra" {
  connection_name = gatehouse_sso_connection.entra.name
  name            = "main"
}

resource "gatehouse_team" "this" {
  for_each = {
    design  = "Design"
    finance = "Finance"
    review  = "Review"
  }
  slug = each.key
  name = each.value
}

resource "gatehouse_scim_group_mapping" "team" {
  for_each = {
    Designers = { team = "design", role = "editor" }
    Finance   = { team = "finance", role = "viewer" }
    Reviewers = { team = "review", role = "reviewer" }
  }
  connection_name = gatehouse_sso_connection.entra.name
  group           = each.key
  team            = gatehouse_team.this[each.value.team].slug
  team_role       = each.value.role
}
