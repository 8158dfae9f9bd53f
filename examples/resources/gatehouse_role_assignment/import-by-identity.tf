import {
  to = gatehouse_role_assignment.controlling
  identity = {
    workspace = "example"
    key       = "finance-reviewer@team:controlling@/finance"
  }
}
