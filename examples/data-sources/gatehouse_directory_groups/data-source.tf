# Pushed groups that mean nothing here yet.
data "gatehouse_directory_groups" "unmapped" {
  connection_name = "okta"
  mapped          = false
}

output "unmapped_groups" {
  value = [for g in data.gatehouse_directory_groups.unmapped.groups : g.display_name]
}
