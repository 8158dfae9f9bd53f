import {
  to = gatehouse_event_receiver.mail
  identity = {
    workspace = "example"
    key       = "mail"
  }
}
