import {
  to = gatehouse_guest.gus
  identity = {
    workspace = "example"
    key       = "gus@agency.example.com"
  }
}
