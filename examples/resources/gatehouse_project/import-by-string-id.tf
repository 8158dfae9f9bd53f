import {
  to = gatehouse_project.campaigns
  id = "example//campaigns"
}
