resource "gatehouse_login_policy" "this" {
  enforce_sso         = false # set to true after a successful test login
  password_login      = "allowed"
  max_failed_attempts = 5
  invite_links        = false
}
