import {
  to = gatehouse_workspace.example
  identity = {
    workspace = "example"
  }
}
