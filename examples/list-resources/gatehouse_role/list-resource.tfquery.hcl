# terraform query -generate-config-out=generated.tf
list "gatehouse_role" "all" {
  provider = gatehouse
}
