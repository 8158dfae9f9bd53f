import {
  to = gatehouse_project.campaigns
  identity = {
    workspace = "example"
    key       = "/campaigns"
  }
}
