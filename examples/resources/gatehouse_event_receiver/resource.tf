variable "receiver_token" {
  type        = string
  ephemeral   = true
  description = "What the receiver wants to see from us."
}

# The mail service ends sessions of people as soon as they leave.
resource "gatehouse_event_receiver" "mail" {
  name                            = "mail"
  url                             = "https://mail.example.com/security-events"
  audience                        = "https://mail.example.com"
  authorization_header_wo         = "Bearer ${var.receiver_token}"
  authorization_header_wo_version = 1
}

# What the receiver needs to know of us.
output "issuer" {
  value = gatehouse_event_receiver.mail.issuer
}

output "jwks_uri" {
  value = gatehouse_event_receiver.mail.jwks_uri
}
