import {
  to = gatehouse_scim_token.okta
  id = "example/okta/push"
}
