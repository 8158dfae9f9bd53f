# terraform query -generate-config-out=generated.tf
list "gatehouse_scim_group_mapping" "all" {
  provider = gatehouse

  config {
    connection_name = "okta"
  }
}
