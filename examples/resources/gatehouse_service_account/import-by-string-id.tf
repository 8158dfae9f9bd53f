import {
  to = gatehouse_service_account.ci
  id = "example/ci"
}
