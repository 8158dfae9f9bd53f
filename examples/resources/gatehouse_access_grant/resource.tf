resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.creative.slug
}

resource "gatehouse_member" "dan" {
  email = "dan@example.com"
}

resource "gatehouse_access_grant" "dan" {
  resource      = gatehouse_project.campaigns.path
  principal     = "member:${gatehouse_member.dan.email}"
  level         = "comment"
  expires_at    = "2030-06-30T00:00:00Z"
  justification = "Reviews the spring campaign"
}

resource "gatehouse_sharing_policy" "this" {
  external_sharing = "allowlist"
  allowed_domains  = ["client.example"]
}

# An address outside is mailed what it is given.
resource "gatehouse_access_grant" "vera" {
  resource   = gatehouse_project.campaigns.path
  principal  = "email:vera@client.example"
  level      = "view"
  expires_at = "2030-06-30T00:00:00Z"
  message    = "The cut that we spoke about."

  depends_on = [gatehouse_sharing_policy.this]
}
