data "gatehouse_current_principal" "this" {}

check "token" {
  assert {
    condition     = contains(data.gatehouse_current_principal.this.permissions, "team.write")
    error_message = "The token cannot manage teams; give its service account a role with team.write."
  }
}
