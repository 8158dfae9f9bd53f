import {
  to = gatehouse_share_link.spring
  id = "example//campaigns#spring-cut-for-the-client"
}
