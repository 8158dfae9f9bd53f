import {
  to = gatehouse_separation_of_duties_rule.four_eyes
  identity = {
    workspace = "example"
    key       = "four-eyes"
  }
}
