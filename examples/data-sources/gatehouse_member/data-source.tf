data "gatehouse_member" "ann" {
  email = "ann@example.com"
}
