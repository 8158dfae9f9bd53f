import {
  to = gatehouse_team_memberships.creative
  identity = {
    workspace = "example"
    key       = "creative"
  }
}
