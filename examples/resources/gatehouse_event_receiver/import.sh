# The import id is workspace/key, or the key alone when the provider has a workspace.
terraform import 'gatehouse_event_receiver.mail' 'example/mail'
