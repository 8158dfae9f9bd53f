package assurance

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/drift"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/tfstate"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Snapshot is everything that checks are evaluated on. It is complete in itself:
// whoever has it can evaluate again and must come to the same results.
type Snapshot struct {
	Run Run `json:"run"`
	// State is nil when no state was given.
	State *tfstate.State `json:"state,omitempty"`
	// Objects are the live objects, by kind.
	Objects map[string]Collection `json:"objects"`
	// Events are the audit events of the period; People those about members and
	// machine accounts since the log began.
	Events       EventLog        `json:"events"`
	People       EventLog        `json:"people"`
	Provisioning ProvisioningLog `json:"provisioning"`
	Log          LogEvidence     `json:"log"`
	// Trash is what is in the trash; nil in evidence of versions that had none.
	Trash    *Collection `json:"trash,omitempty"`
	Routes   Routes      `json:"routes"`
	Probes   []Probe     `json:"probes"`
	Register *Register   `json:"register,omitempty"`
	// Drift is a drift report; DriftSigned tells whether its signature held.
	Drift       *drift.Report `json:"drift,omitempty"`
	DriftSigned bool          `json:"drift_signed,omitempty"`
}

// Run says who collected what, when, from where.
type Run struct {
	Workspace   string    `json:"workspace"`
	WorkspaceID string    `json:"workspace_id,omitempty"`
	Endpoint    string    `json:"endpoint"`
	Server      string    `json:"server_version"`
	Collector   string    `json:"collector"`
	TokenID     string    `json:"token_id,omitempty"`
	Tool        string    `json:"tool"`
	AsOf        time.Time `json:"as_of"`
	From        time.Time `json:"period_from"`
	To          time.Time `json:"period_to"`
}

// Collection is the live objects of one kind.
type Collection struct {
	Query    string `json:"query"`
	Complete bool   `json:"complete"`
	// NotServed marks a kind that this server does not have.
	NotServed bool   `json:"not_served,omitempty"`
	Error     string `json:"error,omitempty"`
	// The second count is taken by another walk over the collection.
	SecondQuery string           `json:"second_query,omitempty"`
	SecondCount *int             `json:"second_count,omitempty"`
	Items       []map[string]any `json:"items"`
}

// EventLog is a part of the audit log, oldest first.
type EventLog struct {
	Query    string        `json:"query"`
	Complete bool          `json:"complete"`
	Error    string        `json:"error,omitempty"`
	Items    []audit.Event `json:"items"`
}

// ProvisioningLog is what identity providers pushed in the period, newest first.
type ProvisioningLog struct {
	Query    string              `json:"query"`
	Complete bool                `json:"complete"`
	Error    string              `json:"error,omitempty"`
	Items    []ProvisioningEvent `json:"items"`
}

// ProvisioningEvent is one request of an identity provider and what became of it. The
// request itself is not kept in evidence.
type ProvisioningEvent struct {
	ID         string     `json:"id"`
	Connection string     `json:"connection"`
	Time       time.Time  `json:"time"`
	Operation  string     `json:"operation"`
	Resource   string     `json:"resource,omitempty"`
	Target     string     `json:"target,omitempty"`
	Outcome    string     `json:"outcome"`
	Status     int64      `json:"status,omitempty"`
	Detail     string     `json:"detail,omitempty"`
	RequestID  string     `json:"request_id,omitempty"`
	ReleasedAt *time.Time `json:"released_at,omitempty"`
	ReleasedBy string     `json:"released_by,omitempty"`
	RejectedAt *time.Time `json:"rejected_at,omitempty"`
	RejectedBy string     `json:"rejected_by,omitempty"`
}

// LogEvidence is what shows that the audit log is intact.
type LogEvidence struct {
	Error      string `json:"error,omitempty"`
	Checkpoint string `json:"checkpoint,omitempty"` // signed note
	PublicKey  string `json:"public_key,omitempty"`
	// KeyPinned tells that the public key was given by who collected, not by the server.
	KeyPinned bool          `json:"key_pinned,omitempty"`
	Report    *audit.Report `json:"report,omitempty"`
	Proofs    []audit.Proof `json:"proofs,omitempty"`
	// Oldest is when the oldest event of the log happened.
	Oldest *time.Time `json:"oldest_event,omitempty"`
}

// Routes are the operations of the server's OpenAPI document.
type Routes struct {
	Error string  `json:"error,omitempty"`
	Items []Route `json:"items"`
}

// Route is one operation.
type Route struct {
	Method     string `json:"method"`
	Path       string `json:"path"`
	Permission string `json:"permission"`
}

// Probe is the outcome of something that was tried.
type Probe struct {
	// Name says what was tried: revocation_canary, expired_access.
	Name    string    `json:"name"`
	Subject string    `json:"subject"`
	At      time.Time `json:"at"`
	// Held tells whether the promise held; Error that it could not be tried.
	Held   bool   `json:"held"`
	Error  string `json:"error,omitempty"`
	Detail string `json:"detail,omitempty"`
	// Millis is how long after the change it was tried.
	Millis int64 `json:"millis,omitempty"`
}

// Names of probes.
const (
	ProbeRevocation    = "revocation_canary"
	ProbeExpiredAccess = "expired_access"
)

// Digest is the SHA-256 of a value's JSON, which for maps is in key order.
func Digest(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(raw)
	return "sha256:" + hex.EncodeToString(sum[:])
}

// sequence is the range of places in the audit log that events cover; 0, 0 for none.
func sequence(events []audit.Event) (from, to int64) {
	for i := range events {
		seq := events[i].Seq
		if seq == 0 {
			continue
		}
		if from == 0 || seq < from {
			from = seq
		}
		to = max(to, seq)
	}
	return from, to
}

// reconciled says what is wrong with the population, "" if two counts agree.
func (c Collection) reconciled() string {
	switch {
	case c.SecondCount == nil:
		return ""
	case *c.SecondCount != len(c.Items):
		return fmt.Sprintf("two counts of the population disagree: %d and %d", len(c.Items), *c.SecondCount)
	}
	return ""
}
