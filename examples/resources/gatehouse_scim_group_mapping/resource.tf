resource "gatehouse_team" "design" {
  slug = "design"
  name = "Design"
}

resource "gatehouse_scim_group_mapping" "designers" {
  connection_name = "okta"
  group           = "Designers"
  team            = gatehouse_team.design.slug
  team_role       = "editor"
}

resource "gatehouse_scim_group_mapping" "it" {
  connection_name = "okta"
  group           = "IT Administrators"
  workspace_role  = "admin"
}
