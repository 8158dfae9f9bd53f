# The import id is the slug of the workspace.
terraform import 'gatehouse_workspace_owner.this' 'example'
