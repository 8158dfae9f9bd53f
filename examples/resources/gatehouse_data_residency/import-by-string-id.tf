import {
  to = gatehouse_data_residency.this
  id = "example"
}
