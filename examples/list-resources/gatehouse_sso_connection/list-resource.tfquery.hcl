# terraform query -generate-config-out=generated.tf
list "gatehouse_sso_connection" "all" {
  provider = gatehouse
}
