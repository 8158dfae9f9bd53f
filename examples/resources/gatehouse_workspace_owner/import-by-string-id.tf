import {
  to = gatehouse_workspace_owner.this
  id = "example"
}
