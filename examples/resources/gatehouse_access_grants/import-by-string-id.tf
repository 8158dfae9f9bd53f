import {
  to = gatehouse_access_grants.campaigns
  id = "example//campaigns"
}
