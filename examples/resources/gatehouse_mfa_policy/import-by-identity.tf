import {
  to = gatehouse_mfa_policy.this
  identity = {
    workspace = "example"
  }
}
