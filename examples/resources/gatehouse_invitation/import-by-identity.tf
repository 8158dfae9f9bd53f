import {
  to = gatehouse_invitation.nora
  identity = {
    workspace = "example"
    key       = "nora@example.com"
  }
}
