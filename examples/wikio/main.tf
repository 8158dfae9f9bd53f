# The two pages that Wikio publishes about security and sharing, as code. Every
# setting below quotes the capability that it carries (docs/capabilities.yaml).

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
  workspace = "wikio"
  stack     = "wikio"
}

resource "gatehouse_workspace" "this" {
  slug                = "wikio"
  name                = "Wikio"
  plan                = "enterprise"   # SSO is available to enterprise workspaces (C034)
  classification      = "confidential" # "if your content is confidential, turn off public links" (C120)
  min_admins          = 1
  deletion_protection = true
  closure_days        = 30 # data of a closed workspace is deleted within 30 days (C089)
}

# One Owner per workspace: billing, settings, transfer of ownership (C013).
resource "gatehouse_workspace_owner" "this" {
  principal = var.owner
}

resource "gatehouse_change_policy" "this" {
  mode            = "warn"
  override_roles  = ["owner"]
  require_reason  = true
  reconcile_hours = 72
}

# "Infrastructure hosted in EU data centers" (C005), replicas and backups too (X20).
resource "gatehouse_data_residency" "this" {
  primary_region  = "eu-frankfurt"
  replica_regions = ["eu-amsterdam"]
  backup_region   = "eu-dublin"
  pin             = "eu"
}

resource "gatehouse_retention_policy" "this" {
  trash_days   = 30 # deleted assets stay in the trash for 30 days (C087)
  erasure_days = 30 # account data is purged within 30 days of the request (C088)
}

resource "gatehouse_audit_policy" "this" {
  retention_days          = 365 # logs are retained for 12 months (C050)
  pseudonymise_on_erasure = true
  checkpoint_interval     = "1m"
}
