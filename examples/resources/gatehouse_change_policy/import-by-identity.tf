import {
  to = gatehouse_change_policy.this
  identity = {
    workspace = "example"
  }
}
