import {
  to = gatehouse_sso_connection.okta
  identity = {
    workspace = "example"
    key       = "okta"
  }
}
