# The import id is the slug of the workspace.
terraform import 'gatehouse_audit_policy.this' 'example'
