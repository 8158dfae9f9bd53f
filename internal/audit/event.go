package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Deployment is the workspace id of events that belong to no workspace, such as
// an operator's refused sign-in. Its log is sealed and verified like the others.
const Deployment = "_deployment"

// Event is one entry of the audit log as its readers see it.
type Event struct {
	// ID is sortable by creation and starts with "evt_"; the caller chooses it.
	ID        string `json:"id"`
	Workspace string `json:"workspace_id"`
	// Seq is the place in the workspace's log, from 1; 0 until the event is sealed.
	Seq  int64     `json:"seq,omitempty"`
	Time time.Time `json:"time"`

	Actor      Actor      `json:"actor"`
	OnBehalfOf *Principal `json:"on_behalf_of,omitempty"`
	Door       Door       `json:"door"`
	Action     string     `json:"action"`
	Effect     Effect     `json:"effect"`
	Target     Target     `json:"target"`

	// Before and After are the target's documents. The caller has already
	// removed every secret.
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`

	IP     string `json:"ip,omitempty"`
	Device string `json:"device,omitempty"`
	// MFAAgeSeconds is nil where no second factor was involved.
	MFAAgeSeconds *int64         `json:"mfa_age_seconds,omitempty"`
	Reasons       []string       `json:"reasons,omitempty"`
	Change        *ChangeContext `json:"change,omitempty"`
	RequestID     string         `json:"request_id,omitempty"`
}

// Actor is who acted. Key is what people recognise: an e-mail address, the slug
// of a service account, the device of an anonymous viewer (C051).
type Actor struct {
	Kind    string `json:"kind"`
	ID      string `json:"id,omitempty"`
	Key     string `json:"key,omitempty"`
	TokenID string `json:"token_id,omitempty"`
}

// Principal is for whom an actor acted.
type Principal struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Key  string `json:"key,omitempty"`
}

// Target is what was acted on.
type Target struct {
	Kind string `json:"kind"`
	ID   string `json:"id,omitempty"`
	Key  string `json:"key,omitempty"`
}

// ChangeContext is where a change made as code came from (GH-CM-03).
type ChangeContext struct {
	api.ChangeContext
	Stack      string `json:"stack,omitempty"`
	PlanDigest string `json:"plan_digest,omitempty"`
}

// Door is the way in which a change reached the control plane.
type Door string

// The doors.
const (
	DoorREST   Door = "rest"
	DoorSCIM   Door = "scim"
	DoorWeb    Door = "web"
	DoorCLI    Door = "cli"
	DoorSystem Door = "system"
)

// Effect says whether access got wider or narrower.
type Effect string

// The effects.
const (
	EffectWidened  Effect = "widened"
	EffectNarrowed Effect = "narrowed"
	EffectNeutral  Effect = "neutral"
	EffectUnknown  Effect = "unknown"
)

// ErrInvalidEvent is wrapped by every refusal of a malformed event.
var ErrInvalidEvent = errors.New("invalid audit event")

// Bounds of one event. A change whose documents pass them must be refused by
// its door long before; here they keep the log readable.
const (
	maxWord     = 512
	maxText     = 4096
	maxDocument = 4 << 20
	maxReasons  = 64
)

// normalised returns the event with defaults filled in, or says what is wrong.
func (e Event) normalised() (Event, error) {
	refuse := func(format string, args ...any) (Event, error) {
		return Event{}, fmt.Errorf("%w: %s", ErrInvalidEvent, fmt.Sprintf(format, args...))
	}
	if !strings.HasPrefix(e.ID, "evt_") || len(e.ID) < 8 || len(e.ID) > 64 {
		return refuse("the id must start with evt_ and have 8 to 64 characters")
	}
	if e.Workspace == "" {
		return refuse("%s has no workspace id; use audit.Deployment for events outside of workspaces", e.ID)
	}
	if e.Time.IsZero() {
		return refuse("%s has no time", e.ID)
	}
	if !ValidAction(e.Action) {
		return refuse("%s: %.100q is not an action such as team.created", e.ID, e.Action)
	}
	if e.Actor.Kind == "" {
		return refuse("%s has no actor", e.ID)
	}
	switch e.Door {
	case DoorREST, DoorSCIM, DoorWeb, DoorCLI, DoorSystem:
	default:
		return refuse("%s: unknown door %.50q", e.ID, e.Door)
	}
	switch e.Effect {
	case "":
		e.Effect = EffectUnknown
	case EffectWidened, EffectNarrowed, EffectNeutral, EffectUnknown:
	default:
		return refuse("%s: unknown effect %.50q", e.ID, e.Effect)
	}
	if e.MFAAgeSeconds != nil && *e.MFAAgeSeconds < 0 {
		return refuse("%s: the age of the second factor is negative", e.ID)
	}
	// Without the person there would be no key to seal under, and so no erasure.
	if slices.Contains(personalKinds, e.Actor.Kind) && strings.TrimSpace(e.Actor.Key) == "" {
		return refuse("%s: an actor of kind %s needs a key; use kind anonymous for nobody known", e.ID, e.Actor.Kind)
	}
	if slices.Contains(personalKinds, e.Target.Kind) && len(e.Before)+len(e.After) > 0 && personOf(e.Target.Kind, e.Target.Key) == "" {
		return refuse("%s: documents of a %s need the person as the key of the target", e.ID, e.Target.Kind)
	}
	e.Time = e.Time.UTC().Truncate(time.Microsecond)
	e.IP, e.Device = clip(e.IP, maxWord), clip(e.Device, maxText)
	if e.Change != nil && *e.Change == (ChangeContext{}) {
		e.Change = nil
	}
	if e.OnBehalfOf != nil && *e.OnBehalfOf == (Principal{}) {
		e.OnBehalfOf = nil
	}
	return e, e.checkBounds()
}

func (e Event) checkBounds() error {
	words := []string{e.Workspace, e.Actor.Kind, e.Actor.ID, e.Actor.Key, e.Actor.TokenID, e.Target.Kind, e.Target.ID, e.RequestID}
	if b := e.OnBehalfOf; b != nil {
		words = append(words, b.Kind, b.ID, b.Key)
	}
	for _, w := range words {
		if len(w) > maxWord {
			return fmt.Errorf("%w: %s: %.40q… is longer than %d bytes", ErrInvalidEvent, e.ID, w, maxWord)
		}
	}
	texts := append([]string{e.Target.Key}, e.Reasons...)
	if c := e.Change; c != nil {
		texts = append(texts, c.Commit, c.PullRequest, c.RunURL, c.Author, c.Approver, c.Stack, c.PlanDigest)
	}
	for _, t := range texts {
		if len(t) > maxText {
			return fmt.Errorf("%w: %s: a text is longer than %d bytes", ErrInvalidEvent, e.ID, maxText)
		}
	}
	if len(e.Reasons) > maxReasons {
		return fmt.Errorf("%w: %s has more than %d reasons", ErrInvalidEvent, e.ID, maxReasons)
	}
	for _, doc := range []json.RawMessage{e.Before, e.After} {
		if len(doc) > maxDocument {
			return fmt.Errorf("%w: %s: a document is larger than %d bytes", ErrInvalidEvent, e.ID, maxDocument)
		}
		if len(doc) > 0 && !json.Valid(doc) {
			return fmt.Errorf("%w: %s: a document is not JSON", ErrInvalidEvent, e.ID)
		}
	}
	return nil
}

// clip shortens texts that callers do not choose (a browser names itself), which
// must not be able to make a change fail.
func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "")
}
