import {
  to = gatehouse_approval_policy.outside
  id = "example/outside"
}
