output "may_a_commenter_download" {
  value = provider::gatehouse::level_allows("comment", "asset.download") # false
}
