import {
  to = gatehouse_notification_policy.this
  id = "example"
}
