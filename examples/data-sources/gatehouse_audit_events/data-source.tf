data "gatehouse_audit_events" "sharing" {
  target_kind = "sharing_policy"
  from        = "2026-01-01T00:00:00Z"
  limit       = 20
}
