resource "gatehouse_team" "legal" {
  slug = "legal"
  name = "Legal"
}

resource "gatehouse_approval_policy" "outside" {
  name          = "outside"
  description   = "What leaves the company is seen by two people; finance asks Legal as well."
  expires_after = "5d"

  steps = [
    {
      approvers = ["role:admin"]
    },
    {
      approvers     = ["team:${gatehouse_team.legal.slug}"]
      min_approvals = 2
      when          = "resource in Item::\"/finance\" || resource.classification == \"confidential\""
    },
  ]

  auto_approve_when = "resource in Item::\"/press\""
}

resource "gatehouse_sharing_policy" "this" {
  external_sharing          = "allowlist"
  allowed_domains           = ["agency.example.com"]
  require_external_approval = true
  approval_policy           = gatehouse_approval_policy.outside.name
}
