import {
  to = gatehouse_team_membership.ann
  id = "example/creative/ann@example.com"
}
