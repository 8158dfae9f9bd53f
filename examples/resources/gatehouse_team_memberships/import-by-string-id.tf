import {
  to = gatehouse_team_memberships.creative
  id = "example/creative"
}
