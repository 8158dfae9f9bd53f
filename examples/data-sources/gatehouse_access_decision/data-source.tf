data "gatehouse_access_decision" "download_from_unknown_device" {
  principal  = "member:ann@example.com"
  resource   = "/campaigns"
  permission = "asset.download"

  context = {
    country      = "DE"
    device_known = false
  }
}
