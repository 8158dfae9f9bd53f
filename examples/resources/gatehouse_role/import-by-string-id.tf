import {
  to = gatehouse_role.finance_reviewer
  id = "example/finance-reviewer"
}
