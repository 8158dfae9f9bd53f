# The import id is the slug of the workspace.
terraform import 'gatehouse_retention_policy.this' 'example'
