import {
  to = gatehouse_mfa_policy.this
  id = "example"
}
