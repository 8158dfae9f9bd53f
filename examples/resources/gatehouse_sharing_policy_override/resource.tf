resource "gatehouse_folder" "board" {
  path = "/board"
}

# Nothing of the board leaves the workspace, whatever the policy of the workspace allows.
resource "gatehouse_sharing_policy_override" "board" {
  path             = gatehouse_folder.board.path
  description      = "The board's papers stay inside."
  external_sharing = "disabled"
  existing_shares  = "enforce"
}

resource "gatehouse_team" "design" {
  slug = "design"
  name = "Design"
}

resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.design.slug
}

# Links into campaigns are short-lived, and guests stay for a quarter at most.
resource "gatehouse_sharing_policy_override" "campaigns" {
  path                     = gatehouse_project.campaigns.path
  max_link_expiration_days = 7
  guest_max_days           = 90
  blocked_domains          = ["rival.example.com"]
}
