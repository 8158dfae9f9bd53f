resource "gatehouse_service_account" "drift" {
  name  = "drift"
  owner = "ann@example.com"
}

resource "gatehouse_api_token" "drift" {
  name            = "drift-nightly"
  service_account = gatehouse_service_account.drift.name
  scopes          = ["read_only"]
  allowed_cidrs   = ["198.51.100.0/24"]
}
