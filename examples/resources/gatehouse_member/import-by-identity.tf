import {
  to = gatehouse_member.admin["ann@example.com"]
  identity = {
    workspace = "example"
    key       = "ann@example.com"
  }
}
