# Okta pushes people and groups to the SCIM server (C039).
resource "gatehouse_scim_token" "okta" {
  connection_name = gatehouse_sso_connection.okta.name
  name            = "main"
  rotation = {
    overlap = "24h"
  }
}

# What a pushed group means here.
resource "gatehouse_scim_group_mapping" "team" {
  for_each = {
    Designers = { team = "design", role = "editor" }
    Finance   = { team = "finance", role = "editor" }
    Reviewers = { team = "review", role = "reviewer" }
  }
  connection_name  = gatehouse_sso_connection.okta.name
  group            = each.key
  team             = gatehouse_team.this[each.value.team].slug
  team_role        = each.value.role
  on_group_deleted = "revoke"
}

# The pipeline that applies this configuration, with no more than it needs.
resource "gatehouse_service_account" "ci" {
  name           = "ci"
  description    = "Applies this stack."
  owner          = gatehouse_member.admin["bea@example.com"].email
  workspace_role = "admin"
}

resource "gatehouse_api_token" "drift" {
  name            = "drift"
  service_account = gatehouse_service_account.ci.name
  scopes          = ["read_only"]
}
