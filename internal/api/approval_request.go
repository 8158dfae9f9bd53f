package api

import (
	"encoding/json"
	"time"
)

// States of what waits for approval, as objects show them.
const (
	StateActive          = "active"
	StatePendingApproval = "pending_approval"
)

// States of a request for approval.
const (
	ApprovalPending   = "pending"
	ApprovalApproved  = "approved"
	ApprovalDenied    = "denied"
	ApprovalExpired   = "expired"
	ApprovalWithdrawn = "withdrawn"
)

// ApprovalStates lists them in the order of a request's life.
func ApprovalStates() []string {
	return []string{ApprovalPending, ApprovalApproved, ApprovalDenied, ApprovalExpired, ApprovalWithdrawn}
}

// ApprovalRequest asks for the approval of something that gives nothing until then
// (C055, C017). It is made by what it is about, never declared.
type ApprovalRequest struct {
	ID        string              `json:"id"`
	State     string              `json:"state" enum:"pending,approved,denied,expired,withdrawn"`
	Purpose   string              `json:"purpose" doc:"external_share, invitation or promotion."`
	Summary   string              `json:"summary" doc:"What is asked, in a sentence."`
	Requester string              `json:"requester" doc:"Principal who asks."`
	Outside   []string            `json:"outside,omitempty" doc:"Who outside would receive access; anyone for a public link."`
	Resources []string            `json:"resources,omitempty" doc:"Paths of the items that would be shared."`
	Object    *ApprovalObject     `json:"object,omitempty" doc:"The declared object that waits."`
	Proposed  json.RawMessage     `json:"proposed,omitempty" doc:"The object as it would become effective."`
	Policy    string              `json:"policy,omitempty" doc:"Approval policy that is asked; none when an admin is."`
	Steps     []ApprovalStepState `json:"steps,omitempty" doc:"What is needed, by the policy as it is now."`
	Decisions []ApprovalDecision  `json:"decisions,omitempty"`
	MayDecide bool                `json:"may_decide" doc:"Whether the caller may approve or deny it."`
	Reason    string              `json:"reason,omitempty" doc:"Why it is closed, where nobody's comment says so."`
	CreatedAt time.Time           `json:"created_at"`
	ExpiresAt time.Time           `json:"expires_at"`
	ClosedAt  *time.Time          `json:"closed_at,omitempty"`
}

// ApprovalObject names the object that a request is about.
type ApprovalObject struct {
	Kind string `json:"kind"`
	ID   string `json:"id"`
	Key  string `json:"key"`
}

// ApprovalStepState is a needed step and how far it is.
type ApprovalStepState struct {
	Approvers    []string `json:"approvers"`
	MinApprovals int64    `json:"min_approvals"`
	Approvals    int64    `json:"approvals" doc:"Approvals that count: of people who may still approve."`
	Problem      string   `json:"problem,omitempty" doc:"Why the step is needed although its condition could not be evaluated."`
}

// ApprovalDecision is what one person said.
type ApprovalDecision struct {
	Approver string    `json:"approver"`
	Verdict  string    `json:"verdict" enum:"approved,denied"`
	Comment  string    `json:"comment,omitempty"`
	At       time.Time `json:"at"`
}

// ApprovalVerdict is what is sent to approve, deny or withdraw.
type ApprovalVerdict struct {
	Comment string `json:"comment,omitempty" doc:"Why; kept with the request and in the audit log." maxLength:"2000"`
}
