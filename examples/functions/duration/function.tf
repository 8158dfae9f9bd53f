output "days" {
  value = provider::gatehouse::duration("90d") / 86400 # 90
}
