resource "gatehouse_folder" "press" {
  path = "/press"
}

resource "gatehouse_share_link" "press" {
  resource   = gatehouse_folder.press.path
  name       = "Press kit for the newsroom"
  kind       = "recipient"
  recipients = ["newsroom@example.com"]
}

# Raise rotation to make a new URL; the one before ends.
ephemeral "gatehouse_share_link_url" "press" {
  share_link = gatehouse_share_link.press.id
  rotation   = 1
}
