import {
  to = gatehouse_provisioning_policy.okta
  id = "example/okta"
}
