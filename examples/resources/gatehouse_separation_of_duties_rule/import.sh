# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_separation_of_duties_rule.four_eyes' 'example/four-eyes'
