import {
  to = gatehouse_retention_policy.this
  identity = {
    workspace = "example"
  }
}
