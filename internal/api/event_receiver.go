package api

import (
	"net/url"
	"strings"
	"time"
)

// The security events that receivers are told of, by the short names of
// event_receiver.events; package secevent says which URI each has.
const (
	SecurityEventSessionRevoked  = "session_revoked"  // CAEP 1.0 §3.1
	SecurityEventAccountDisabled = "account_disabled" // RISC 1.0 §2.4
	SecurityEventAccountEnabled  = "account_enabled"  // RISC 1.0 §2.5
	SecurityEventUserCreated     = "user_created"     // RFC 9967 §2.4.1
	SecurityEventUserUpdated     = "user_updated"     // RFC 9967 §2.4.2
	SecurityEventUserDeleted     = "user_deleted"     // RFC 9967 §2.4.4
	SecurityEventUserActivated   = "user_activated"   // RFC 9967 §2.4.5
	SecurityEventUserDeactivated = "user_deactivated" // RFC 9967 §2.4.6
)

// Algorithms that tokens are signed with (RFC 7518 §3.1).
const (
	AlgorithmRS256 = "RS256"
	AlgorithmES256 = "ES256"
)

// EventReceiver is a program outside that is told, by signed security event tokens
// (RFC 8417), when people come, change and go.
type EventReceiver struct {
	Meta
	Name                         string   `json:"name" required:"true" immutable:"true" format:"slug" doc:"Name; the natural key."`
	URL                          string   `json:"url" required:"true" format:"https_url" maxLength:"2000" doc:"HTTPS address that tokens are pushed to (RFC 8935). Private and link-local addresses are refused when something is sent, and redirects are not followed."`
	Audience                     string   `json:"audience" required:"true" maxLength:"500" doc:"What the receiver calls itself: the aud claim of every token."`
	Events                       []string `json:"events" items:"session_revoked,account_disabled,account_enabled,user_created,user_updated,user_activated,user_deactivated,user_deleted" default:"[\"session_revoked\",\"user_created\",\"user_updated\",\"user_activated\",\"user_deactivated\",\"user_deleted\"]" maxItems:"8" doc:"Events that are sent: session_revoked (CAEP), account_disabled and account_enabled (RISC), user_created, user_updated, user_activated, user_deactivated and user_deleted (SCIM events, RFC 9967)."`
	SigningAlgorithm             string   `json:"signing_algorithm" enum:"RS256,ES256" default:"RS256" doc:"What tokens are signed with. The CAEP interoperability profile asks for RS256."`
	AuthorizationHeaderWO        string   `json:"authorization_header_wo,omitempty" writeOnly:"true" maxLength:"4000" doc:"Value of the Authorization header that the receiver wants, e.g. Bearer and a token."`
	AuthorizationHeaderWOVersion int64    `json:"authorization_header_wo_version,omitempty" minimum:"1" doc:"Raise it to send authorization_header_wo again. Needed when there is one, and again when url moves to another host."`
	Enabled                      bool     `json:"enabled" default:"true" doc:"Whether anything is sent. While it is false no event is kept for later, and what waits already goes on waiting."`
	Issuer                       string   `json:"issuer,omitempty" readOnly:"true" doc:"The iss claim of every token; the same for all receivers of the workspace."`
	JWKSURI                      string   `json:"jwks_uri,omitempty" readOnly:"true" doc:"Where the receiver reads the keys that tokens are signed with."`
}

// EventReceiverKind declares event_receiver.
var EventReceiverKind = Declare(Kind{
	Name: "event_receiver", Plural: "event_receivers", Prefix: "evrc", Security: true, Destroy: DestroyDelete,
	Doc: "A program outside of the workspace that is told by signed security event tokens when people come, change and go.",
}, func(r *EventReceiver) string { return strings.ToLower(r.Name) })

// Validate checks the address, and that what is sent as a header can be one.
func (r *EventReceiver) Validate() []Violation {
	var out []Violation
	if u, err := url.Parse(r.URL); r.URL != "" && (err != nil || u.User != nil || u.Fragment != "") {
		out = append(out, Invalid("/url", "must be without a user and a fragment; credentials belong into authorization_header_wo"))
	}
	if r.Events != nil && len(r.Events) == 0 {
		out = append(out, Invalid("/events", "name at least one event, or leave the attribute out for the usual ones; enabled = false stops everything"))
	}
	if r.AuthorizationHeaderWO == "" {
		return out
	}
	if r.AuthorizationHeaderWOVersion == 0 {
		out = append(out, Required("/authorization_header_wo_version", "authorization_header_wo needs a version beside it; write 1, and raise it whenever the header changes"))
	}
	for _, c := range []byte(r.AuthorizationHeaderWO) {
		if c < ' ' || c > '~' { // RFC 9110 §5.5, without obs-text
			return append(out, Invalid("/authorization_header_wo", "can only hold printable ASCII characters, as a header can"))
		}
	}
	if strings.TrimSpace(r.AuthorizationHeaderWO) != r.AuthorizationHeaderWO {
		out = append(out, Invalid("/authorization_header_wo", "begins or ends with a space"))
	}
	return out
}

// EventReceiverStatus is how deliveries to a receiver go.
type EventReceiverStatus struct {
	State         string     `json:"state" enum:"idle,delivering,failing,disabled" doc:"idle: nothing waits; delivering: something waits to be sent; failing: the receiver refused or could not be reached the last time; disabled: enabled is false."`
	Waiting       int64      `json:"waiting" doc:"Events that wait to be sent."`
	LastSuccessAt *time.Time `json:"last_success_at,omitempty" doc:"When the receiver last accepted a token."`
	FailingSince  *time.Time `json:"failing_since,omitempty" doc:"When the receiver began to fail; absent while it does not."`
	LastError     string     `json:"last_error,omitempty" doc:"What went wrong the last time, also when it has worked since."`
	LastErrorAt   *time.Time `json:"last_error_at,omitempty" doc:"When that was."`
	NextAttemptAt *time.Time `json:"next_attempt_at,omitempty" doc:"While it fails: when it is tried again."`
}

// EventDelivery is one token on its way to a receiver. Who it is about is named by id
// alone.
type EventDelivery struct {
	ID         string     `json:"id" doc:"The jti claim: the same at every attempt, so that the receiver can drop repeats."`
	Event      string     `json:"event" doc:"Short name of the event; verification for one that was asked for."`
	URI        string     `json:"event_uri" doc:"URI of the event in the token."`
	Subject    string     `json:"subject,omitempty" doc:"Id of the member that it is about."`
	AuditEvent string     `json:"audit_event,omitempty" doc:"Id of the audit event that it tells of."`
	State      string     `json:"state" enum:"queued,sent,failed" doc:"queued, sent (accepted by the receiver) or failed (refused for good, or given up)."`
	Attempts   int64      `json:"attempts" doc:"How often it was sent."`
	Error      string     `json:"error,omitempty" doc:"What the receiver answered last, if it did not accept it."`
	OccurredAt time.Time  `json:"occurred_at" doc:"When it happened."`
	FinishedAt *time.Time `json:"finished_at,omitempty" doc:"When it was accepted or given up."`
}

// EventDeliveryPage is a page of the deliveries to one receiver, newest first.
type EventDeliveryPage struct {
	Status     EventReceiverStatus `json:"status" doc:"How deliveries to the receiver go."`
	Items      []EventDelivery     `json:"items" nullable:"false"`
	NextCursor string              `json:"next_cursor,omitempty" doc:"Where the next page begins; absent on the last."`
}

// EventReceiverVerification is what a receiver answered to a verification event.
type EventReceiverVerification struct {
	ID       string `json:"id" doc:"The jti claim of the verification event."`
	Accepted bool   `json:"accepted" doc:"Whether the receiver accepted it."`
	Status   int64  `json:"status,omitempty" doc:"HTTP status of its answer; absent when it did not answer."`
	Error    string `json:"error,omitempty" doc:"Why not: what it answered, or why it could not be reached."`
}

// SecurityEventKey is a key that tokens of a workspace are signed with.
type SecurityEventKey struct {
	ID         string     `json:"id" doc:"The kid of the key."`
	Algorithm  string     `json:"algorithm" doc:"RS256 or ES256."`
	ActiveFrom time.Time  `json:"active_from" doc:"From when tokens are signed with it; receivers can read it before."`
	ExpiresAt  *time.Time `json:"expires_at,omitempty" doc:"When it is published no longer; absent for the newest."`
}

// SecurityEventKeys are the keys of a workspace.
type SecurityEventKeys struct {
	Items []SecurityEventKey `json:"items" nullable:"false" doc:"Keys that receivers may meet, newest first."`
}

// RotateSecurityEventKeys asks for new keys.
type RotateSecurityEventKeys struct {
	AtOnce bool `json:"at_once,omitempty" doc:"The old keys count no longer, from now on: for keys that may have leaked. Without it they stay published for a week."`
}
