import {
  to = gatehouse_team.creative
  identity = {
    workspace = "example"
    key       = "creative"
  }
}
