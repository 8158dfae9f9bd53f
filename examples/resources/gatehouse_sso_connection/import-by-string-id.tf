import {
  to = gatehouse_sso_connection.okta
  id = "example/okta"
}
