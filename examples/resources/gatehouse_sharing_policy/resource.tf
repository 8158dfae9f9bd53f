resource "gatehouse_sharing_policy" "this" {
  external_sharing             = "allowlist"
  allowed_domains              = ["agency.example.com", "client.example.com"]
  public_links                 = "disabled"
  require_link_password        = true
  default_link_expiration_days = 7
  max_link_expiration_days     = 30
  require_external_approval    = true
  existing_shares              = "grandfather"
  grandfather_until            = "2030-06-30T00:00:00Z"
}
