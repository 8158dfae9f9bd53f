import {
  to = gatehouse_role.finance_reviewer
  identity = {
    workspace = "example"
    key       = "finance-reviewer"
  }
}
