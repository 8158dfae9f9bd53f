import {
  to = gatehouse_folder.unreleased
  id = "example//campaigns/unreleased"
}
