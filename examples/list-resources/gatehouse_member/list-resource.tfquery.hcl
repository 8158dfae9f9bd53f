# terraform query -generate-config-out=generated.tf
list "gatehouse_member" "all" {
  provider = gatehouse

  config {
    active = true
  }
}
