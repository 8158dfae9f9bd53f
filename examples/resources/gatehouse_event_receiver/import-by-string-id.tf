import {
  to = gatehouse_event_receiver.mail
  id = "example/mail"
}
