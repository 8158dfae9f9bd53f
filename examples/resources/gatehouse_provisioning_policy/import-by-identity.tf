import {
  to = gatehouse_provisioning_policy.okta
  identity = {
    workspace = "example"
    key       = "okta"
  }
}
