# The import id is the slug of the workspace.
terraform import 'gatehouse_session_policy.this' 'example'
