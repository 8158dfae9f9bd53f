resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

# Levels of the project are not inherited here.
resource "gatehouse_folder" "unreleased" {
  path        = "${gatehouse_project.campaigns.path}/unreleased"
  name        = "Unreleased"
  inheritance = "restricted"
}
