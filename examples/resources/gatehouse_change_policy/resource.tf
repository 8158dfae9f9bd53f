# Who edits by hand what code owns must be an owner and say why.
resource "gatehouse_change_policy" "this" {
  mode           = "block"
  override_roles = ["owner"]
  require_reason = true
}
