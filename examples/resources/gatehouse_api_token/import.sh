# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_api_token.drift' 'example/drift-nightly'
