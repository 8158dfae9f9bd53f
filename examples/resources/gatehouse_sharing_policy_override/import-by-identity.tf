import {
  to = gatehouse_sharing_policy_override.board
  identity = {
    workspace = "example"
    key       = "/board"
  }
}
