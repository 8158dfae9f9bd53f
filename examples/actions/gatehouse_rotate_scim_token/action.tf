# terraform apply -invoke=action.gatehouse_rotate_scim_token.okta
action "gatehouse_rotate_scim_token" "okta" {
  config {
    token    = "okta/main"
    rotation = 2
  }
}
