# "Single sign-on through SAML 2.0 or OpenID Connect" (C035).
resource "gatehouse_sso_connection" "entra" {
  name     = "entra"
  protocol = "oidc"
  preset   = "entra_id"
  domains  = ["example.com"]
  oidc = {
    issuer                   = "https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0"
    client_id                = "11111111-1111-1111-1111-111111111111"
    client_secret_wo         = var.entra_client_secret
    client_secret_wo_version = 1
    pkce                     = true
  }
}

resource "gatehouse_sso_connection" "ping" {
  name     = "ping"
  protocol = "saml"
  preset   = "ping"
  enabled  = false
  saml = {
    entity_id    = "https://ping.example.com"
    sso_url      = "https://ping.example.com/idp/SSO.saml2"
    certificates = [file("${path.module}/idp.crt")]
  }
}

resource "gatehouse_login_policy" "this" {
  enforce_sso = false

  depends_on = [gatehouse_sso_connection.entra]
}

# "For risky session contexts only: new device, new geography, new IP"; TOTP and
# WebAuthn, SMS as a fallback (C040 to C042). SMS never serves privileged roles (X18).
resource "gatehouse_mfa_policy" "this" {
  requirement        = "risk_based"
  risk_triggers      = ["new_device", "new_geography", "new_ip"]
  allowed_methods    = ["totp", "webauthn", "sms"]
  sms_fallback       = true
  privileged_methods = ["webauthn"]
}

resource "gatehouse_session_policy" "this" {
  absolute_timeout = "12h"
  idle_timeout     = "1h"
}
