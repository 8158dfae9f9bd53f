# The import id is the slug of the workspace.
terraform import 'gatehouse_sharing_policy.this' 'example'
