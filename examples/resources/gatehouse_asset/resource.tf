resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

resource "gatehouse_asset" "teaser" {
  path           = "${gatehouse_project.campaigns.path}/teaser.mp4"
  name           = "Teaser, final cut"
  external_ref   = "media:8f31"
  classification = "confidential"
  legal_hold     = true
}
