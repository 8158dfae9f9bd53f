variable "owner" {
  description = "E-mail of the workspace Owner, as made with `gatehouse workspace create`."
  type        = string
  default     = "ada@example.com"
}
