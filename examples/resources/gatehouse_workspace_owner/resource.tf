# Ownership is offered to Ann and moves when she accepts.
resource "gatehouse_workspace_owner" "this" {
  principal = "ann@example.com"
}
