# terraform query -generate-config-out=generated.tf
list "gatehouse_project" "all" {
  provider = gatehouse
}
