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
  approval_policy              = gatehouse_approval_policy.outside.name
  require_link_password        = true # C057
  default_link_expiration_days = 14   # C058
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

# "Optionally require admin approval before content is shared externally" (C055): one
# admin, and for finance one of its leads as well. Nobody approves their own request.
resource "gatehouse_approval_policy" "outside" {
  name          = "outside"
  description   = "What leaves the workspace is seen by somebody else first."
  expires_after = "7d"
  steps = [
    { approvers = ["role:admin"] },
    {
      approvers = ["team:${gatehouse_team.leads.slug}"]
      when      = "resource in Item::\"/finance\""
    },
  ]
  # Press material is made to be shared.
  auto_approve_when = "resource in Item::\"/campaigns/press\""
}

# Sensitive content is never shared by public links, and shares of it always expire
# (C120, C121): finance is stricter than the workspace.
resource "gatehouse_sharing_policy_override" "finance" {
  path                         = gatehouse_project.finance.path
  description                  = "Figures stay inside."
  external_sharing             = "disabled"
  max_link_expiration_days     = 7
  default_link_expiration_days = 3
  existing_shares              = "enforce"
}

# Individual assets, and a curated group of them (C063, C031).
resource "gatehouse_folder" "press" {
  path = "${gatehouse_project.campaigns.path}/press"
  name = "Press"
}

resource "gatehouse_asset" "clip" {
  for_each     = toset(["teaser.mp4", "trailer.mp4"])
  path         = "${gatehouse_folder.press.path}/${each.key}"
  external_ref = "media:${each.key}"
}

resource "gatehouse_collection" "press_kit" {
  path      = "${gatehouse_folder.press.path}/press-kit"
  name      = "Press kit"
  asset_ids = [for name in ["teaser.mp4", "trailer.mp4"] : gatehouse_asset.clip[name].path]
}

# A link for one client: a name that says what it opens (C122), an expiry (C066), no
# download of originals (C068), comments on (C069). The client is known by a mailed
# code, without an account (C017), and every view is recorded (C051, C071).
resource "gatehouse_share_link" "press_kit" {
  resource       = gatehouse_collection.press_kit.path
  name           = "Press kit for the client's review"
  kind           = "recipient"
  recipients     = ["vera@client.example"]
  level          = "comment"
  allow_comments = true
  allow_download = false

  depends_on = [gatehouse_sharing_policy.this]
}

# A guest works on single projects, for a time, with a sponsor (C016).
resource "gatehouse_guest" "agency" {
  email     = "gus@agency.example"
  company   = "The Agency"
  sponsor   = gatehouse_member.admin["bea@example.com"].email
  projects  = [gatehouse_folder.press.path]
  max_level = "comment"

  depends_on = [gatehouse_sharing_policy.this]
}

# Triggers and channels (C083, C084): the inbox always, e-mail by type of event, a
# digest for those who opt in, a warning before links expire.
resource "gatehouse_notification_policy" "this" {
  email_events        = ["link_viewed", "comment", "mention", "verdict", "link_expiring", "approval_requested"]
  digest              = "off"
  expiry_warning_days = 7
}
