# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_share_link.spring' 'example//campaigns#spring-cut-for-the-client'
