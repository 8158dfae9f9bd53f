package access

import (
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// ReasonKind says what sort of thing decided.
type ReasonKind string

// The kinds of reason.
const (
	// ReasonLevel is a built-in rule that the level satisfies.
	ReasonLevel ReasonKind = "level"
	// ReasonGrant, ReasonTeam and ReasonOwner are where the level comes from.
	ReasonGrant ReasonKind = "grant"
	ReasonTeam  ReasonKind = "team"
	ReasonOwner ReasonKind = "owner"
	// ReasonRole is a workspace role or a custom role.
	ReasonRole ReasonKind = "role"
	// ReasonPolicy is an attribute policy that allows.
	ReasonPolicy ReasonKind = "policy"
	// ReasonCeiling is a limit that no grant passes.
	ReasonCeiling ReasonKind = "ceiling"
	// ReasonSharingPolicy is the sharing policy, which lets nobody from outside in.
	ReasonSharingPolicy ReasonKind = "sharing_policy"
	// ReasonDeny is an explicit deny of a custom role or attribute policy.
	ReasonDeny ReasonKind = "deny"
	// ReasonMissing says that nothing allows it.
	ReasonMissing ReasonKind = "missing"
	// ReasonError says that the decision could not be computed and is a denial.
	ReasonError ReasonKind = "error"
)

// Reason is one thing that decided.
type Reason struct {
	Kind ReasonKind `json:"kind"`
	// ID is the grant, assignment, policy or rule; empty where there is none.
	ID   string `json:"id,omitempty"`
	Text string `json:"text"`
}

// Decision is the answer to one question.
type Decision struct {
	Allowed    bool   `json:"allowed"`
	Permission string `json:"permission"`
	// Level is the principal's effective level on the item, ceiling applied; none
	// for workspace permissions.
	Level   vocabulary.Level `json:"level"`
	Reasons []Reason         `json:"reasons"`
	// Reports are what report-only policies would have done.
	Reports []Report `json:"reports,omitempty"`
}

// Report is what a report-only attribute policy would have done.
type Report struct {
	Policy string `json:"policy"`
	// Effect is allow or deny.
	Effect Effect `json:"effect"`
	// Changes is whether the decision would have been another.
	Changes bool `json:"changes"`
	// Error is set when the policy could not be evaluated; enforced, it would
	// have denied.
	Error string `json:"error,omitempty"`
}

// String is the decision in one line, for logs and audit rows.
func (d Decision) String() string {
	verdict := "denied"
	if d.Allowed {
		verdict = "allowed"
	}
	texts := make([]string, len(d.Reasons))
	for i, r := range d.Reasons {
		texts[i] = r.Text
	}
	return d.Permission + " " + verdict + ": " + strings.Join(texts, "; ")
}

// refusal is a decision that never came to the policies.
func refusal(permission string, text string) Decision {
	return Decision{Permission: permission, Reasons: []Reason{{Kind: ReasonError, Text: text}}}
}
