resource "gatehouse_role" "finance_reviewer" {
  name        = "finance-reviewer"
  description = "Reads finance, gives verdicts, and never downloads originals."
  base_level  = "view"

  statements = [
    provider::gatehouse::permission("allow", "/finance", "comment.create", "review.verdict"),
    provider::gatehouse::permission("deny", "/finance", "asset.download"),
  ]
}
