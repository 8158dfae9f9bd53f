# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_scim_group_mapping.designers' 'example/okta/designers/team:design'
