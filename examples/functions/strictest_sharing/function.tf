locals {
  company  = { external_sharing = "allowlist", allowed_domains = ["agency.example.com", "client.example.com"], guest_max_days = 180 }
  contract = { allowed_domains = ["client.example.com"], max_link_expiration_days = 14, guest_max_days = 90 }

  # external_sharing = "allowlist", allowed_domains = ["client.example.com"],
  # max_link_expiration_days = 14, guest_max_days = 90, and null for the rest.
  sharing = provider::gatehouse::strictest_sharing(local.company, local.contract)
}

resource "gatehouse_folder" "contract" {
  path = "/contract"
}

resource "gatehouse_sharing_policy_override" "contract" {
  path                     = gatehouse_folder.contract.path
  external_sharing         = local.sharing.external_sharing
  allowed_domains          = local.sharing.allowed_domains
  max_link_expiration_days = local.sharing.max_link_expiration_days
  guest_max_days           = local.sharing.guest_max_days
}
