# terraform apply -invoke=action.gatehouse_verify_event_receiver.mail
action "gatehouse_verify_event_receiver" "mail" {
  config {
    receiver = "mail"
  }
}
