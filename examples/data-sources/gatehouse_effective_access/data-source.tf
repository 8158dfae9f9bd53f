data "gatehouse_effective_access" "ann" {
  principal = "member:ann@example.com"
  resource  = "/finance"
}

check "ann_does_not_see_finance" {
  assert {
    condition     = data.gatehouse_effective_access.ann.level == "none"
    error_message = join("\n", data.gatehouse_effective_access.ann.reasons[*].text)
  }
}
