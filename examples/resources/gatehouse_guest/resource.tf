resource "gatehouse_sharing_policy" "this" {
  external_sharing = "allowlist"
  allowed_domains  = ["agency.example.com"]
  guest_max_days   = 180
}

resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

resource "gatehouse_member" "ann" {
  email = "ann@example.com"
}

resource "gatehouse_guest" "gus" {
  email     = "gus@agency.example.com"
  company   = "The Agency"
  sponsor   = gatehouse_member.ann.email
  projects  = [gatehouse_project.campaigns.path]
  max_level = "comment"

  depends_on = [gatehouse_sharing_policy.this]
}
