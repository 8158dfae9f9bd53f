import {
  to = gatehouse_attribute_policy.originals_in_the_office
  identity = {
    workspace = "example"
    key       = "originals-in-the-office"
  }
}
