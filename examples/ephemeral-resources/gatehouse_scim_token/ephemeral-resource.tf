resource "gatehouse_scim_token" "okta" {
  connection_name = "okta"
  name            = "push"
}

# Raise rotation to rotate; the old value lives on for the token's overlap.
ephemeral "gatehouse_scim_token" "okta" {
  token_id = gatehouse_scim_token.okta.id
  rotation = 1
}
