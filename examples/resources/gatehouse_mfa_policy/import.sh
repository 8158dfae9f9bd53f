# The import id is the slug of the workspace.
terraform import 'gatehouse_mfa_policy.this' 'example'
