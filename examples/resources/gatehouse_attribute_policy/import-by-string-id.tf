import {
  to = gatehouse_attribute_policy.originals_in_the_office
  id = "example/originals-in-the-office"
}
