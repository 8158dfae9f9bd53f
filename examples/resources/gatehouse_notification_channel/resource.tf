variable "slack_url" {
  type      = string
  ephemeral = true
}

variable "signing_secret" {
  type        = string
  ephemeral   = true
  description = "whsec_ and 24 to 64 random bytes in base64."
}

resource "gatehouse_notification_channel" "reviews" {
  name           = "reviews"
  type           = "slack"
  url_wo         = var.slack_url
  url_wo_version = 1
  events         = ["review_requested", "verdict"]
  scope          = "/campaign"
}

resource "gatehouse_notification_channel" "siem" {
  name              = "siem"
  type              = "webhook"
  url_wo            = "https://hooks.example.com/gatehouse"
  url_wo_version    = 1
  secret_wo         = var.signing_secret
  secret_wo_version = 1
  events            = ["link_viewed", "approval_requested", "approval_decided"]
}
