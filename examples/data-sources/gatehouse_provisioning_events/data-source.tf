data "gatehouse_provisioning_events" "waiting" {
  waiting = true
}

check "nothing_waits_for_a_decision" {
  assert {
    condition     = length(data.gatehouse_provisioning_events.waiting.events) == 0
    error_message = "Held changes wait: gatehouse scim quarantine"
  }
}
