import {
  to = gatehouse_service_account.ci
  identity = {
    workspace = "example"
    key       = "ci"
  }
}
