data "gatehouse_projects" "creative" {
  team = "creative"
}
