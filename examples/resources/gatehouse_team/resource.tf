resource "gatehouse_team" "creative" {
  slug        = "creative"
  name        = "Creative"
  description = "Owns the campaigns."
}

resource "gatehouse_team" "motion" {
  slug          = "motion"
  name          = "Motion Design"
  parent        = gatehouse_team.creative.slug
  default_level = "edit"
}
