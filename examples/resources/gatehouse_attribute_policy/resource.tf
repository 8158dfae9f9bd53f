resource "gatehouse_attribute_policy" "originals_in_the_office" {
  name        = "originals-in-the-office"
  description = "Confidential originals leave on known devices only, shortly after a second factor."
  effect      = "deny"
  permissions = ["asset.download"]

  condition = <<-CEDAR
    resource.classification == "confidential" &&
    !(context.device_known && context.mfa_age >= 0 && context.mfa_age < 900)
  CEDAR
}

# Tried out first: nothing changes, and decisions report what would have happened.
resource "gatehouse_attribute_policy" "auditors_at_year_end" {
  name        = "auditors-at-year-end"
  effect      = "allow"
  permissions = ["item.read", "asset.read"]
  paths       = ["/finance"]
  condition   = "principal.email_domain == \"auditor.example.com\""
  expires_at  = "2031-01-31T00:00:00Z"
  mode        = "report_only"
}
