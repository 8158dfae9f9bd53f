resource "gatehouse_notification_policy" "this" {
  email_events        = ["mention", "review_requested", "verdict", "link_expiring", "approval_requested"]
  digest              = "daily"
  digest_hour         = 8
  digest_timezone     = "Europe/Berlin"
  expiry_warning_days = 14
}
