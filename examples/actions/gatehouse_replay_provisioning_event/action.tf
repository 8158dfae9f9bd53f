# terraform apply -invoke=action.gatehouse_replay_provisioning_event.nina
action "gatehouse_replay_provisioning_event" "nina" {
  config {
    event = "pevt_01jd3k9qtn6w4r8x2m5c7v1b0z"
  }
}
