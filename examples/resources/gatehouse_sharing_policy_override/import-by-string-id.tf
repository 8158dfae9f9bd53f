import {
  to = gatehouse_sharing_policy_override.board
  id = "example//board"
}
