data "gatehouse_provisioning_health" "all" {}

check "identity_providers_succeed" {
  assert {
    condition     = alltrue([for c in data.gatehouse_provisioning_health.all.connections : !contains(["failing", "expired"], c.state)])
    error_message = "A provisioning connection is failing: gatehouse scim health"
  }
}
