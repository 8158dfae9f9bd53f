# The import id is the slug of the workspace.
terraform import 'gatehouse_login_policy.this' 'example'
