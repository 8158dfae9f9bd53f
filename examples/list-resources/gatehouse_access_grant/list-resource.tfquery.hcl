# terraform query -generate-config-out=generated.tf
list "gatehouse_access_grant" "all" {
  provider = gatehouse

  config {
    resource = "/campaigns"
  }
}
