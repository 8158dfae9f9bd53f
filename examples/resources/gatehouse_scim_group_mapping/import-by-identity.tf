import {
  to = gatehouse_scim_group_mapping.designers
  identity = {
    workspace = "example"
    key       = "okta/designers/team:design"
  }
}
