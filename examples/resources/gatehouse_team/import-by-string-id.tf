import {
  to = gatehouse_team.creative
  id = "example/creative"
}
