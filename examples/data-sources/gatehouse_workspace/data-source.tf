data "gatehouse_workspace" "this" {
  slug = "example"
}
