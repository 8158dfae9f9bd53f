import {
  to = gatehouse_session_policy.this
  identity = {
    workspace = "example"
  }
}
