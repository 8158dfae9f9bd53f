import {
  to = gatehouse_session_policy.this
  id = "example"
}
