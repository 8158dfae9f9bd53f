resource "gatehouse_provisioning_policy" "okta" {
  connection_name   = "okta"
  max_removal_ratio = 0.1
  quarantine_hours  = 48

  protected_principals = ["it-emergency@example.com"]

  link_handling = "transfer_to_manager"
  email_change  = "hold"
}
