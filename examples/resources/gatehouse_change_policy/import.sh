# The import id is the slug of the workspace.
terraform import 'gatehouse_change_policy.this' 'example'
