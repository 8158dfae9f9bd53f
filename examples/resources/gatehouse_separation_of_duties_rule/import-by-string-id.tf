import {
  to = gatehouse_separation_of_duties_rule.four_eyes
  id = "example/four-eyes"
}
