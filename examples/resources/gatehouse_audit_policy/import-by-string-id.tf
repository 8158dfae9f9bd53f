import {
  to = gatehouse_audit_policy.this
  id = "example"
}
