package api

import (
	"fmt"
	"slices"
	"strings"
)

// ApprovalPolicy says who must agree before content is shared outside (C055, C094).
type ApprovalPolicy struct {
	Meta
	Name                   string         `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	Description            string         `json:"description,omitempty" maxLength:"500" doc:"What the policy is for."`
	Steps                  []ApprovalStep `json:"steps" required:"true" maxItems:"10" doc:"What has to be agreed to. Every step whose condition holds is needed, in any order; one approval counts for every step that names the approver. Where none is, an admin is asked."`
	RequesterCannotApprove bool           `json:"requester_cannot_approve" default:"true" doc:"Whoever asks cannot approve the same request, not even as the Owner or with another token."`
	ExpiresAfter           string         `json:"expires_after" format:"duration" default:"7d" doc:"How long a request may wait before it ends by itself, e.g. 7d; from one hour to 90d."`
	AutoApproveWhen        string         `json:"auto_approve_when,omitempty" maxLength:"4000" doc:"Cedar condition over principal (who asks), resource (the item that is shared) and context under which nobody need approve. One that cannot be evaluated approves nothing."`
}

// ApprovalStep is one agreement that a request needs.
type ApprovalStep struct {
	Approvers    []string `json:"approvers" required:"true" format:"approver" maxItems:"50" doc:"Who may approve: role:owner, role:admin (the Owner included), role:… for a custom role held on the item or above it, member:…, team:…, group:… or service_account:…. Service accounts approve only where they are named themselves."`
	MinApprovals int64    `json:"min_approvals" default:"1" minimum:"1" maximum:"20" doc:"How many of them must approve."`
	When         string   `json:"when,omitempty" maxLength:"4000" doc:"Cedar condition over principal (who asks), resource (the item that is shared) and context; the step is skipped while it is false. One that cannot be evaluated makes the step needed."`
}

// ApprovalPolicyKind declares approval_policy.
var ApprovalPolicyKind = Declare(Kind{
	Name: "approval_policy", Plural: "approval_policies", Prefix: "appr", Security: true, Destroy: DestroyDelete,
	Doc: "Who must approve before content is shared outside.",
}, func(p *ApprovalPolicy) string { return strings.ToLower(p.Name) })

// Bounds of how long a request may wait.
const (
	MinApprovalWait = 60 * Minute
	MaxApprovalWait = 90 * Day
)

// Validate checks what can be said without knowing the workspace.
func (p *ApprovalPolicy) Validate() []Violation {
	var out []Violation
	if d, err := ParseDuration(p.ExpiresAfter); err == nil && (d < MinApprovalWait || d > MaxApprovalWait) {
		out = append(out, Invalid("/expires_after", "%s is not from one hour to 90 days; write e.g. 7d", p.ExpiresAfter))
	}
	for i, s := range p.Steps {
		at := fmt.Sprintf("/steps/%d", i)
		seen := map[string]bool{}
		for j, a := range s.Approvers {
			if seen[a] {
				out = append(out, Invalid(fmt.Sprintf("%s/approvers/%d", at, j), "%q is listed twice", a))
			}
			seen[a] = true
		}
		single := !slices.ContainsFunc(s.Approvers, func(a string) bool {
			kind, _, _ := SplitPrincipal(a)
			return kind != "member" && kind != "service_account" && a != "role:owner"
		})
		if single && int64(len(seen)) < s.MinApprovals {
			out = append(out, Invalid(at+"/min_approvals", "is %d, and only %d can approve this step; name more approvers, or ask for fewer", s.MinApprovals, len(seen)))
		}
	}
	return out
}
