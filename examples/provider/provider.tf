terraform {
  required_version = ">= 1.11"

  required_providers {
    gatehouse = {
      source = "gatehouse-access/gatehouse"
    }
  }
}

# The token comes from GATEHOUSE_TOKEN.
provider "gatehouse" {
  endpoint  = "https://gatehouse.example.com"
  workspace = "example"
  stack     = "github.com/example/infra//access"

  guards = {
    max_removal_ratio = 0.25
  }
}
