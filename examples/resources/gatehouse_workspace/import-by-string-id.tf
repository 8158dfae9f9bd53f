import {
  to = gatehouse_workspace.example
  id = "example"
}
