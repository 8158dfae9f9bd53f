# A workspace that exists is adopted; making one takes an operator's token.
resource "gatehouse_workspace" "example" {
  slug           = "example"
  name           = "Example Studio"
  classification = "internal"
  min_admins     = 2
  adopt          = true
}
