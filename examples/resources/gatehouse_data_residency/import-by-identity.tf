import {
  to = gatehouse_data_residency.this
  identity = {
    workspace = "example"
  }
}
