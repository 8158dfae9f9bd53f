variable "owner" {
  description = "E-mail of the workspace Owner, as made with `gatehouse workspace create`."
  type        = string
  default     = "wim@example.com"
}

variable "entra_client_secret" {
  description = "Client secret of the Entra ID application; write-only, never in state."
  type        = string
  ephemeral   = true
  default     = "replace-me"
}
