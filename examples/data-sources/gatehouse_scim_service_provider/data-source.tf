data "gatehouse_scim_service_provider" "this" {}

output "scim_base_url" {
  value = data.gatehouse_scim_service_provider.this.base_url
}
