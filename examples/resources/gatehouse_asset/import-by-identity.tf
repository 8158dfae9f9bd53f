import {
  to = gatehouse_asset.teaser
  identity = {
    workspace = "example"
    key       = "/campaigns/teaser.mp4"
  }
}
