# What the identity provider's side needs.
data "gatehouse_sso_service_provider" "this" {
  connection_name = gatehouse_sso_connection.okta.name
}

data "gatehouse_scim_service_provider" "this" {
  depends_on = [gatehouse_scim_token.okta]
}

output "sso" {
  value = {
    entity_id = data.gatehouse_sso_service_provider.this.entity_id
    acs_url   = data.gatehouse_sso_service_provider.this.acs_url
  }
}

output "scim_base_url" {
  value = data.gatehouse_scim_service_provider.this.base_url
}
