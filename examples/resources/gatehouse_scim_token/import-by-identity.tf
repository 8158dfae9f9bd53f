import {
  to = gatehouse_scim_token.okta
  identity = {
    workspace = "example"
    key       = "okta/push"
  }
}
