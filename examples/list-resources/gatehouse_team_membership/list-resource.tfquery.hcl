# terraform query -generate-config-out=generated.tf
list "gatehouse_team_membership" "all" {
  provider = gatehouse

  config {
    team = "creative"
  }
}
