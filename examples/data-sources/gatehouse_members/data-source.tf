data "gatehouse_members" "admins" {
  workspace_role = "admin"
  active         = true
}

output "admins" {
  value = data.gatehouse_members.admins.members[*].email
}
