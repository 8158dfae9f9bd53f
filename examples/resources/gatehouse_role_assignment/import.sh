# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_role_assignment.controlling' 'example/finance-reviewer@team:controlling@/finance'
