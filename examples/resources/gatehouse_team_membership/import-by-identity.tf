import {
  to = gatehouse_team_membership.ann
  identity = {
    workspace = "example"
    key       = "creative/ann@example.com"
  }
}
