import {
  to = gatehouse_access_grants.campaigns
  identity = {
    workspace = "example"
    key       = "/campaigns"
  }
}
