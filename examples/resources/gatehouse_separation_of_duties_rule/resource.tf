resource "gatehouse_role" "requester" {
  name       = "requester"
  statements = [provider::gatehouse::permission("allow", "/finance", "review.request")]
}

resource "gatehouse_role" "approver" {
  name       = "approver"
  statements = [provider::gatehouse::permission("allow", "/finance", "review.verdict")]
}

# Nobody may hold both roles: whatever would lead there is refused.
resource "gatehouse_separation_of_duties_rule" "four_eyes" {
  name        = "four-eyes"
  description = "Who asks for a review of finance does not decide it."

  left  = { roles = [gatehouse_role.requester.name] }
  right = { roles = [gatehouse_role.approver.name] }
}

# Sides may name permissions too; this one is only recorded in the audit log.
resource "gatehouse_separation_of_duties_rule" "watchers" {
  name  = "watchers"
  left  = { permissions = ["api_token.write"] }
  right = { permissions = ["audit.read"] }
  mode  = "report"
}
