# terraform query -generate-config-out=generated.tf
list "gatehouse_collection" "all" {
  provider = gatehouse
}
