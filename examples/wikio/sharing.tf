# "Admins can control how content is shared outside the workspace" (C052 to C062).
resource "gatehouse_sharing_policy" "this" {
  external_sharing             = "allowlist" # on or off for the organisation (C056)
  allowed_domains              = ["agency.example", "client.example"]
  public_links                 = "disabled" # no "Anyone with link" (C052, C120)
  guest_access                 = true       # the Owner may turn guests off (C054)
  guest_invitations            = "admins"   # who may invite guests (C053)
  guest_max_days               = 180
  allow_guest_uploads          = false # C059
  require_external_approval    = true  # C055
  require_link_password        = true  # C057
  default_link_expiration_days = 14    # C058
  max_link_expiration_days     = 90
  default_allow_download       = false        # C068
  track_external_views         = true         # C060
  existing_shares              = "unaffected" # policy changes apply to future shares (C062)
}

# Projects give access to everything in them, unless restricted (C019, C030).
resource "gatehouse_project" "campaigns" {
  path = "/campaigns"
  name = "Campaigns"
  team = gatehouse_team.this["design"].slug
}

resource "gatehouse_project" "finance" {
  path                     = "/finance"
  name                     = "Finance"
  team                     = gatehouse_team.this["finance"].slug
  inheritance              = "restricted"
  classification           = "confidential"
  allow_guest_uploads      = false
  allow_guest_ai_workflows = false # guests cannot run AI workflows by default (C033)
}

resource "gatehouse_folder" "quarterly" {
  path = "${gatehouse_project.finance.path}/quarterly"
  name = "Quarterly"
}

# Item-level sharing with the five levels (C020 to C025, C063).
resource "gatehouse_access_grant" "reviewers_comment" {
  resource      = gatehouse_project.campaigns.path
  principal     = "team:${gatehouse_team.this["review"].slug}"
  level         = "comment"
  justification = "Reviewers comment on every campaign."
}

resource "gatehouse_access_grants" "quarterly" {
  resource = gatehouse_folder.quarterly.path
  grants = {
    "member:${gatehouse_member.producer.email}"                 = "view"
    "member:${gatehouse_member.admin["bea@example.com"].email}" = "manage"
  }
}
