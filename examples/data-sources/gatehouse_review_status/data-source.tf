data "gatehouse_review_status" "teaser" {
  item = "/campaigns/teaser.mp4"
}

check "the_teaser_is_approved" {
  assert {
    condition     = data.gatehouse_review_status.teaser.outcome == "approved"
    error_message = "Still missing: ${join(", ", [for r in data.gatehouse_review_status.teaser.reviewers : r.reviewer if r.verdict != "approved"])}"
  }
}
