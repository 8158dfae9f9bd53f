# Single sign-on through Okta: entity id, SSO URL, certificate (C035, C036).
resource "gatehouse_sso_connection" "okta" {
  name     = "okta"
  protocol = "saml"
  preset   = "okta"
  domains  = ["example.com"]
  enabled  = true
  saml = {
    entity_id              = "http://www.okta.com/exk1example"
    sso_url                = "https://example.okta.com/app/gatehouse/exk1example/sso/saml"
    certificates           = [file("${path.module}/idp.crt")]
    want_signed_assertions = true
    allow_idp_initiated    = false
  }
  attribute_mapping = {
    email        = "email"
    display_name = "displayName"
  }
}

# Enforcing SSO (C037, C038) needs a successful test login first; until then the
# policy is as far as it may go.
resource "gatehouse_login_policy" "this" {
  enforce_sso         = false
  password_login      = "allowed"
  max_failed_attempts = 10

  depends_on = [gatehouse_sso_connection.okta]
}

resource "gatehouse_mfa_policy" "this" {
  requirement        = "all_users" # enforceable per workspace (C040)
  allowed_methods    = ["totp", "webauthn"]
  privileged_methods = ["webauthn"]
  grace_period       = "7d"
  applies_to_sso     = "trust_idp"
}

resource "gatehouse_session_policy" "this" {
  absolute_timeout = "24h"
  idle_timeout     = "2h"
  privileged = {
    absolute_timeout = "12h"
    idle_timeout     = "30m"
  }
  revoke_on = ["password_change", "role_change", "idp_change"]
}
