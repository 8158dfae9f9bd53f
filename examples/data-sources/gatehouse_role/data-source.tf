data "gatehouse_role" "editor" {
  name = "editor"
}

output "what_an_editor_may_do" {
  value = data.gatehouse_role.editor.permissions
}
