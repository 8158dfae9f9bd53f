import {
  to = gatehouse_access_grant.dan
  identity = {
    workspace = "example"
    key       = "member:dan@example.com@/campaigns"
  }
}
