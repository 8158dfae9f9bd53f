locals {
  admins  = ["ann@example.com", "bob@example.com"]
  members = ["cleo@example.com", "dan@example.com"]
}

resource "gatehouse_member" "admin" {
  for_each = toset(local.admins)

  email          = each.key
  workspace_role = "admin"
}

resource "gatehouse_member" "member" {
  for_each = toset(local.members)

  email = each.key
}
