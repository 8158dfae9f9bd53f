# terraform query -generate-config-out=generated.tf
list "gatehouse_role_assignment" "all" {
  provider = gatehouse

  config {
    scope = "/finance"
  }
}
