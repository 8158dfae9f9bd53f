resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_member" "ann" {
  email = "ann@example.com"
}

# Ann reviews with the team until the campaign ends. Other members are not touched.
resource "gatehouse_team_membership" "ann" {
  team       = gatehouse_team.creative.slug
  principal  = gatehouse_member.ann.email
  role       = "reviewer"
  expires_at = "2030-06-30T00:00:00Z"
}
