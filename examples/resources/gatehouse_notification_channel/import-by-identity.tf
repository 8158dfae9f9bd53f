import {
  to = gatehouse_notification_channel.reviews
  identity = {
    workspace = "example"
    key       = "reviews"
  }
}
