# terraform apply -invoke=action.gatehouse_revoke_stale_links.quarterly
action "gatehouse_revoke_stale_links" "quarterly" {
  config {
    unused_days = 90
    expired     = true
    maker_gone  = true
  }
}
