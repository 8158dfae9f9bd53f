import {
  to = gatehouse_access_grant.dan
  id = "example/member:dan@example.com@/campaigns"
}
