data "gatehouse_policy_conformance" "finance" {
  resource = "/finance"
}

# Tells with every plan whether something is shared that today's policy would not allow.
check "finance_shares_conform" {
  assert {
    condition     = data.gatehouse_policy_conformance.finance.conforms
    error_message = join("\n", [for s in data.gatehouse_policy_conformance.finance.shares : "${s.name}: ${s.reasons[0].text}"])
  }
}
