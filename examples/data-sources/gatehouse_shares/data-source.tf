data "gatehouse_shares" "all" {}

# Who outside has access to what.
output "shared_outside" {
  value = { for s in data.gatehouse_shares.all.shares : s.key => s.principals }
}
