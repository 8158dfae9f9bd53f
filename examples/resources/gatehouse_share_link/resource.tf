resource "gatehouse_sharing_policy" "this" {
  external_sharing = "allowlist"
  allowed_domains  = ["client.example"]
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

# Each recipient shows by a code that the address is theirs.
resource "gatehouse_share_link" "spring" {
  resource       = gatehouse_project.campaigns.path
  name           = "Spring cut for the client"
  kind           = "recipient"
  recipients     = ["vera@client.example"]
  level          = "comment"
  allow_comments = true
  max_views      = 50

  # They are mailed the URL once gatehouse_share_link_url, or the API, has made it.
  notify_recipients = true

  depends_on = [gatehouse_sharing_policy.this]
}
