resource "gatehouse_sharing_policy" "this" {
  external_sharing = "allowlist"
  allowed_domains  = ["client.example.com"]

  # Whenever the policy changes, shares in /finance that it does not allow any more end.
  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.gatehouse_enforce_sharing_policy.finance]
    }
  }
}

action "gatehouse_enforce_sharing_policy" "finance" {
  config {
    resource = "/finance"
  }
}
