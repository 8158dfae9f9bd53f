# terraform query -generate-config-out=generated.tf
list "gatehouse_event_receiver" "all" {
  provider = gatehouse
}
