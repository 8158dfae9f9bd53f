data "gatehouse_sso_service_provider" "okta" {
  connection_name = "okta"
}

# e.g. okta_app_saml: audience = entity_id, sso_url = acs_url
output "okta_app" {
  value = {
    audience = data.gatehouse_sso_service_provider.okta.entity_id
    sso_url  = data.gatehouse_sso_service_provider.okta.acs_url
  }
}
