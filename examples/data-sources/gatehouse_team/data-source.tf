data "gatehouse_team" "creative" {
  slug = "creative"
}
