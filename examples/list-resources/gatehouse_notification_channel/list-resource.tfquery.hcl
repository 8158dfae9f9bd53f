# terraform query -generate-config-out=generated.tf
list "gatehouse_notification_channel" "all" {
  provider = gatehouse
}
