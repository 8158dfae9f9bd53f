import {
  to = gatehouse_member.admin["ann@example.com"]
  id = "example/ann@example.com"
}
