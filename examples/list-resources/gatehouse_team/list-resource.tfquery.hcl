# terraform query -generate-config-out=generated.tf
list "gatehouse_team" "all" {
  provider = gatehouse
}
