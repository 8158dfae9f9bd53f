# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_access_grant.dan' 'example/member:dan@example.com@/campaigns'
