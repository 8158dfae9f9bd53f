import {
  to = gatehouse_scim_group_mapping.designers
  id = "example/okta/designers/team:design"
}
