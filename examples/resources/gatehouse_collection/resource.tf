resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

resource "gatehouse_asset" "clips" {
  for_each = toset(["teaser.mp4", "trailer.mp4"])

  path         = "${gatehouse_project.campaigns.path}/${each.key}"
  external_ref = "media:${each.key}"
}

resource "gatehouse_collection" "best_of" {
  path      = "${gatehouse_project.campaigns.path}/best-of"
  name      = "Best of"
  asset_ids = [for name in ["trailer.mp4", "teaser.mp4"] : gatehouse_asset.clips[name].path]
}

# The agency comments on both clips, and sees nothing else of the project.
resource "gatehouse_access_grant" "agency" {
  resource  = gatehouse_collection.best_of.path
  principal = "group:Agency"
  level     = "comment"
}
