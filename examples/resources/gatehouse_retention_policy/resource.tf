resource "gatehouse_retention_policy" "this" {
  trash_days          = 30
  erasure_days        = 30
  link_tombstone_days = 400
}
