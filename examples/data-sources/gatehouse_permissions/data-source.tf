data "gatehouse_permissions" "links" {
  pattern = "share_link.*"
}
