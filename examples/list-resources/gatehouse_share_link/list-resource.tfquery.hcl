# terraform query -generate-config-out=generated.tf
list "gatehouse_share_link" "all" {
  provider = gatehouse

  config {
    resource = "/campaigns"
  }
}
