package drift

import (
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Schema names the form of a report; a reader refuses others.
const Schema = "gatehouse-drift/1"

// Result is the outcome of a comparison.
type Result string

// The results. Incomplete wins over the others: nobody can say "in sync" of what was
// not looked at.
const (
	InSync     Result = "in_sync"
	Drifted    Result = "drift"
	Incomplete Result = "incomplete"
)

// Class says what a difference does.
type Class string

// The classes.
const (
	Widened   Class = "widened"   // somebody may do more than the code says
	Narrowed  Class = "narrowed"  // somebody may do less
	Neutral   Class = "neutral"   // nothing changes in what people may do
	Changed   Class = "changed"   // changed, and it is not known in which direction
	Missing   Class = "missing"   // in state, and not on the server
	Unmanaged Class = "unmanaged" // on the server, and declared by no code
)

// Report is the outcome of one run, for one or several workspaces of one state.
type Report struct {
	Schema      string    `json:"schema"`
	GeneratedAt time.Time `json:"generated_at"`
	Endpoint    string    `json:"endpoint"`
	// Collector is the principal whose token was used.
	Collector  string   `json:"collector,omitempty"`
	Workspaces []string `json:"workspaces"`
	// Stacks own what the state declares, as the server recorded it.
	Stacks []string    `json:"stacks,omitempty"`
	State  StateOrigin `json:"state"`
	Result Result      `json:"result"`
	// Compared counts the resources of the state that were compared, Looked the live
	// objects that were searched for undeclared ones.
	Compared int    `json:"compared"`
	Looked   int    `json:"looked"`
	Items    []Item `json:"items"`
	// Gaps say what could not be looked at, and Notes what a reader should know.
	Gaps  []string `json:"gaps,omitempty"`
	Notes []string `json:"notes,omitempty"`
}

// StateOrigin says which state was compared.
type StateOrigin struct {
	Source  string `json:"source"`
	Serial  int64  `json:"serial,omitempty"`
	Lineage string `json:"lineage,omitempty"`
	// Digest is the SHA-256 of the resources that were compared, secrets removed.
	Digest string `json:"digest,omitempty"`
}

// Item is one difference.
type Item struct {
	Class      Class  `json:"class"`
	Workspace  string `json:"workspace"`
	Kind       string `json:"kind"`
	Key        string `json:"key"`
	ID         string `json:"id,omitempty"`
	Address    string `json:"address,omitempty"`
	Attribute  string `json:"attribute,omitempty"`
	Old        any    `json:"old,omitempty"` // as the state says
	New        any    `json:"new,omitempty"` // as it is
	Privileged bool   `json:"privileged,omitempty"`
	// By says who made the difference; nil when the audit log does not tell.
	By *Attribution `json:"by,omitempty"`

	field *api.Field
	entry string // key of the entry, where the attribute is a map
}

// Attribution is the audit event that made a difference.
type Attribution struct {
	Event     string             `json:"event"`
	Seq       int64              `json:"seq,omitempty"`
	Actor     string             `json:"actor"`
	TokenID   string             `json:"token_id,omitempty"`
	Door      string             `json:"door"`
	At        time.Time          `json:"at"`
	Action    string             `json:"action"`
	Effect    string             `json:"effect,omitempty"`
	Reason    string             `json:"reason,omitempty"`
	Stack     string             `json:"stack,omitempty"`
	Change    *api.ChangeContext `json:"change_context,omitempty"`
	RequestID string             `json:"request_id,omitempty"`
}

// Conclude sets the result from what was found and what could not be looked at.
func (r *Report) Conclude() {
	switch {
	case len(r.Gaps) > 0:
		r.Result = Incomplete
	case len(r.Items) > 0:
		r.Result = Drifted
	default:
		r.Result = InSync
	}
}

// ExitCode is 0 in sync, 1 incomplete, 2 drift.
func (r *Report) ExitCode() int {
	switch r.Result {
	case InSync:
		return 0
	case Drifted:
		return 2
	}
	return 1
}

// Count counts the items of a class.
func (r *Report) Count(c Class) int {
	n := 0
	for _, it := range r.Items {
		if it.Class == c {
			n++
		}
	}
	return n
}
