resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path                = "/campaigns"
  name                = "Campaigns"
  team                = gatehouse_team.creative.slug
  classification      = "confidential"
  deletion_protection = true
}
