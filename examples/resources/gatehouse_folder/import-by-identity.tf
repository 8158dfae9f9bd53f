import {
  to = gatehouse_folder.unreleased
  identity = {
    workspace = "example"
    key       = "/campaigns/unreleased"
  }
}
