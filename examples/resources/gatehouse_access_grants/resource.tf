resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_team" "legal" {
  slug = "legal"
  name = "Legal"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

# Exactly these grants on the project itself; what is inherited is not touched.
resource "gatehouse_access_grants" "campaigns" {
  resource = gatehouse_project.campaigns.path

  grants = {
    "team:${gatehouse_team.legal.slug}" = "comment"
  }
}
