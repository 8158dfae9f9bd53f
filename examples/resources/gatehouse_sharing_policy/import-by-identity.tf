import {
  to = gatehouse_sharing_policy.this
  identity = {
    workspace = "example"
  }
}
