# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_attribute_policy.originals_in_the_office' 'example/originals-in-the-office'
