import {
  to = gatehouse_sharing_policy.this
  id = "example"
}
