# The security page of WIZZ Cloud, as code. Every setting below quotes the capability
# that it carries (docs/capabilities.yaml).

terraform {
  required_version = ">= 1.11"
  required_providers {
    gatehouse = {
      source = "gatehouse-access/gatehouse"
    }
  }
}

# endpoint and token come from GATEHOUSE_ENDPOINT and GATEHOUSE_TOKEN.
provider "gatehouse" {
  workspace = "wizz-cloud"
  stack     = "wizz-cloud"
}

resource "gatehouse_workspace" "this" {
  slug           = "wizz-cloud"
  name           = "WIZZ Cloud"
  plan           = "enterprise"
  classification = "confidential"
}

resource "gatehouse_workspace_owner" "this" {
  principal = var.owner
}

resource "gatehouse_change_policy" "this" {
  mode           = "warn"
  override_roles = ["owner", "admin"]
}

# Customers choose where primary data is stored: Frankfurt, Amsterdam, Dublin,
# Stockholm (C105, C106). EU-only customers pin primary and replicas (C107, C108).
resource "gatehouse_data_residency" "this" {
  primary_region  = "eu-stockholm"
  replica_regions = ["eu-dublin", "eu-frankfurt"]
  backup_region   = "eu-amsterdam"
  pin             = "eu"
}

resource "gatehouse_audit_policy" "this" {
  retention_days = 365
}
