resource "gatehouse_data_residency" "this" {
  primary_region  = "eu-frankfurt"
  replica_regions = ["eu-amsterdam"]
  backup_region   = "eu-dublin"
  pin             = "eu"
}
