resource "gatehouse_service_account" "ci" {
  name        = "ci"
  description = "Applies the access configuration from the main branch."
  owner       = "ann@example.com"
}
