data "gatehouse_teams" "all" {}

output "teams" {
  value = { for t in data.gatehouse_teams.all.teams : t.slug => t.name }
}
