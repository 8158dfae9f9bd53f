output "ann" {
  value = provider::gatehouse::principal("member", "Ann@Example.com") # member:ann@example.com
}
