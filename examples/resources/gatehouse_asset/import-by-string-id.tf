import {
  to = gatehouse_asset.teaser
  id = "example//campaigns/teaser.mp4"
}
