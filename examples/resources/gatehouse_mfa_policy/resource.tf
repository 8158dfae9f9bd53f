resource "gatehouse_mfa_policy" "this" {
  requirement        = "all_users"
  allowed_methods    = ["totp", "webauthn"]
  privileged_methods = ["webauthn"]
  grace_period       = "7d"
}
