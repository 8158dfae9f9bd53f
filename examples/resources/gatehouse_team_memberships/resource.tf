resource "gatehouse_team" "creative" {
  slug = "creative"
  name = "Creative"
}

resource "gatehouse_member" "this" {
  for_each = toset(["ann@example.com", "bob@example.com"])

  email = each.key
}

# Exactly these people. Who joins by hand is removed by the next apply.
resource "gatehouse_team_memberships" "creative" {
  team = gatehouse_team.creative.slug

  members = {
    (gatehouse_member.this["ann@example.com"].email) = "team_admin"
    (gatehouse_member.this["bob@example.com"].email) = "editor"
  }
}
