resource "gatehouse_role" "auditor" {
  name = "auditor"

  statements = [
    provider::gatehouse::permission("allow", "/finance", "item.read", "asset.read"),
    provider::gatehouse::permission("deny", "/finance", "share_link.*"),
  ]
}
