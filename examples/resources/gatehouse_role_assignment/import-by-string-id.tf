import {
  to = gatehouse_role_assignment.controlling
  id = "example/finance-reviewer@team:controlling@/finance"
}
