# terraform query -generate-config-out=generated.tf
list "gatehouse_guest" "of_ann" {
  provider = gatehouse

  config {
    sponsor = "ann@example.com"
  }
}
