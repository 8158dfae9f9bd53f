resource "gatehouse_scim_token" "okta" {
  connection_name = "okta"
  name            = "push"
  allowed_cidrs   = ["192.0.2.0/24"]

  rotation = {
    overlap = "24h"
  }
}

# Its value: feed it to a write-only argument of the identity provider's provider.
ephemeral "gatehouse_scim_token" "okta" {
  token_id = gatehouse_scim_token.okta.id
}
