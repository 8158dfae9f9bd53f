# The import id is the slug of the workspace.
terraform import 'gatehouse_notification_policy.this' 'example'
