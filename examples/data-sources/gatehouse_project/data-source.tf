data "gatehouse_project" "campaigns" {
  path = "/campaigns"
}
