import {
  to = gatehouse_retention_policy.this
  id = "example"
}
