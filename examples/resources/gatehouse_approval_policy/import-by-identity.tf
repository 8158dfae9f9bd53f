import {
  to = gatehouse_approval_policy.outside
  identity = {
    workspace = "example"
    key       = "outside"
  }
}
