# The import id is the slug of the workspace.
terraform import 'gatehouse_data_residency.this' 'example'
