import {
  to = gatehouse_change_policy.this
  id = "example"
}
