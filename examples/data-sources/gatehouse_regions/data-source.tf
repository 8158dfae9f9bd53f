data "gatehouse_regions" "all" {}

output "regions_in_the_eu" {
  value = [for r in data.gatehouse_regions.all.regions : r.code if r.eu && r.status == "available"]
}
