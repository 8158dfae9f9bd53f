data "gatehouse_access_decision" "auditor_reads_finance" {
  principal  = "member:${gatehouse_member.auditor.email}"
  resource   = gatehouse_folder.quarterly.path
  permission = "asset.read"
  depends_on = [gatehouse_role_assignment.auditor]
}

output "auditor_reads_finance" {
  value = data.gatehouse_access_decision.auditor_reads_finance.allowed
}
