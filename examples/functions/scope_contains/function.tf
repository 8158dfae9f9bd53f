output "below" {
  value = provider::gatehouse::scope_contains("/finance", "/finance/quarterly") # true
}
