import {
  to = gatehouse_invitation.nora
  id = "example/nora@example.com"
}
