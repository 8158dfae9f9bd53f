import {
  to = gatehouse_guest.gus
  id = "example/gus@agency.example.com"
}
