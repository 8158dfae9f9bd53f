import {
  to = gatehouse_workspace_owner.this
  identity = {
    workspace = "example"
  }
}
