data "gatehouse_share_activity" "spring" {
  share_link = "/campaigns#spring-cut-for-the-client"
  limit      = 20
}
