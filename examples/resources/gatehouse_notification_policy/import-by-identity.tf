import {
  to = gatehouse_notification_policy.this
  identity = {
    workspace = "example"
  }
}
