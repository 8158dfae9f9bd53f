import {
  to = gatehouse_notification_channel.reviews
  id = "example/reviews"
}
