resource "gatehouse_team" "design" {
  slug = "design"
  name = "Design"
}

resource "gatehouse_invitation" "nora" {
  email      = "nora@example.com"
  teams      = [gatehouse_team.design.slug]
  team_role  = "editor"
  message    = "Welcome to the design team."
  expires_in = "14d"
}
