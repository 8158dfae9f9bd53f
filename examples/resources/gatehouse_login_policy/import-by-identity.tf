import {
  to = gatehouse_login_policy.this
  identity = {
    workspace = "example"
  }
}
