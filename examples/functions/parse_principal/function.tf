output "kind" {
  value = provider::gatehouse::parse_principal("team:design").kind # team
}
