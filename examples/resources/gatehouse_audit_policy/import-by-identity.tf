import {
  to = gatehouse_audit_policy.this
  identity = {
    workspace = "example"
  }
}
