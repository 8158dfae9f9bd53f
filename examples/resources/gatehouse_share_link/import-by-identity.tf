import {
  to = gatehouse_share_link.spring
  identity = {
    workspace = "example"
    key       = "/campaigns#spring-cut-for-the-client"
  }
}
