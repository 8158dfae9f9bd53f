# Metadata by URL: the certificates follow the identity provider.
resource "gatehouse_sso_connection" "okta" {
  name     = "okta"
  protocol = "saml"
  preset   = "okta"
  domains  = ["example.com"]

  saml = {
    metadata_url = "https://example.okta.example.com/app/abc/sso/saml/metadata"
  }

  jit = {
    enabled = true
  }
}

variable "entra_client_secret" {
  type      = string
  ephemeral = true
  default   = null
}

# The client secret is write-only: raise its version to send a new one.
resource "gatehouse_sso_connection" "entra" {
  name     = "entra"
  protocol = "oidc"
  preset   = "entra_id"
  enabled  = false

  oidc = {
    issuer                   = "https://login.example.com/tenant/v2.0"
    client_id                = "00000000-0000-0000-0000-000000000000"
    client_secret_wo         = var.entra_client_secret
    client_secret_wo_version = 1
  }
}
