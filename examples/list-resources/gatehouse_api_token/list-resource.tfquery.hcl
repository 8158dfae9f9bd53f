# terraform query -generate-config-out=generated.tf
list "gatehouse_api_token" "all" {
  provider = gatehouse
}
