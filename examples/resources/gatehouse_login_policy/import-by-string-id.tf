import {
  to = gatehouse_login_policy.this
  id = "example"
}
