package provisioning

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Outcomes of an event.
const (
	OutcomeApplied     = "applied"
	OutcomeQuarantined = "quarantined" // held for a human decision (X03, X15)
	OutcomeFailed      = "failed"
	OutcomeIgnored     = "ignored" // nothing to change
)

// Operations of an event.
const (
	OperationJoin        = "join"   // a person was created or linked
	OperationRejoin      = "rejoin" // a leaver came back as the same identity
	OperationUpdate      = "update"
	OperationRename      = "rename" // an update that changed the e-mail
	OperationLeave       = "leave"  // deactivated or deleted
	OperationGroupCreate = "group_create"
	OperationGroupUpdate = "group_update"
	OperationGroupDelete = "group_delete"
	OperationUnknown     = "request" // refused before it was understood
)

// Event is one request of an identity provider and what became of it.
type Event struct {
	ID         string          `json:"id" doc:"Identifier of the event."`
	Connection string          `json:"connection" doc:"Provisioning connection that pushed."`
	Time       time.Time       `json:"time" doc:"When the request was received (RFC 3339, UTC)."`
	Operation  string          `json:"operation" doc:"join, rejoin, update, rename, leave, group_create, group_update, group_delete or request."`
	Resource   string          `json:"resource,omitempty" doc:"User or Group."`
	Target     string          `json:"target,omitempty" doc:"Id of the person or group."`
	Outcome    string          `json:"outcome" doc:"applied, quarantined, failed or ignored."`
	Status     int64           `json:"status,omitempty" doc:"HTTP status of the answer."`
	Detail     string          `json:"detail,omitempty" doc:"What was done, or why not."`
	Request    json.RawMessage `json:"request,omitempty" doc:"The request, without secrets."`
	RequestID  string          `json:"request_id,omitempty" doc:"Id that the answer carried in X-Request-Id."`
	ReleasedAt *time.Time      `json:"released_at,omitempty" doc:"When a human let a quarantined change pass."`
	ReleasedBy string          `json:"released_by,omitempty" doc:"Who did."`
	RejectedAt *time.Time      `json:"rejected_at,omitempty" doc:"When a human refused a quarantined change."`
	RejectedBy string          `json:"rejected_by,omitempty" doc:"Who did."`
	ReplayedAt *time.Time      `json:"replayed_at,omitempty" doc:"When the request was done again, with success."`
	ReplayedAs string          `json:"replayed_as,omitempty" doc:"Event of that."`
	Affected   []Affected      `json:"affected,omitempty" doc:"Of a quarantined change: who would lose access by it, at most 500 people."`

	affected []string // ids of Affected
}

// Bounds of what one event keeps.
const (
	maxDetail  = 2000
	maxRequest = 64 << 10
)

// Runner runs use-cases, each in one step: the service, or a simulation that keeps
// nothing.
type Runner interface {
	View(ctx context.Context, c *object.Caller, f func(*object.Scope) error) error
	Do(ctx context.Context, c *object.Caller, f func(*object.Scope) error) error
}

// Apply runs one request of a connection: what f changes and the event of it commit
// together. f fills in the event. A change that is held is undone, and its event and
// audit row are kept. ErrUnchanged from f undoes everything and is no error.
func Apply(ctx context.Context, run Runner, caller *object.Caller, e Event, f func(*object.Scope, *Event) error) error {
	var now time.Time
	err := run.Do(ctx, caller, func(s *object.Scope) error {
		now = s.Now
		ev := e
		ev.Outcome = OutcomeApplied
		if err := f(s, &ev); err != nil {
			return err
		}
		return record(ctx, s, ev)
	})
	if errors.Is(err, ErrUnchanged) {
		return nil
	}
	var held *Held
	if !errors.As(err, &held) {
		return err
	}
	e.ID = store.NewID("pevt", now)
	held.name(e.ID)
	e.Operation, e.Resource, e.Target, e.affected = held.Operation, held.Resource, held.Target, held.affected()
	e.Outcome, e.Status, e.Detail = OutcomeQuarantined, int64(api.CodeForbidden.Status()), held.Why.Detail
	recordErr := run.Do(ctx, caller, func(s *object.Scope) error {
		if err := record(ctx, s, e); err != nil {
			return err
		}
		kind := "scim_user"
		if held.Resource == ResourceGroup {
			kind = "scim_group"
		}
		return s.Record("provisioning.quarantined", audit.Target{Kind: kind, ID: held.Target, Key: held.Key}, audit.EffectNeutral, nil, nil, held.Why.Detail)
	})
	return errors.Join(recordErr, err)
}

// ErrUnchanged says that a request asked for what is there already.
var ErrUnchanged = fmt.Errorf("provisioning: nothing to change: %w", store.ErrRollback)

// Note keeps the event of a request that changed nothing: refused or ignored.
func Note(ctx context.Context, run Runner, caller *object.Caller, e Event) error {
	return run.Do(ctx, caller, func(s *object.Scope) error { return record(ctx, s, e) })
}

// NoteIgnored adds to the event of a request which attributes were sent in vain.
func NoteIgnored(ctx context.Context, run Runner, caller *object.Caller, requestID, what string) error {
	return run.Do(ctx, caller, func(s *object.Scope) error {
		_, err := s.Tx.ExecContext(ctx, `UPDATE provisioning_event SET detail = CASE WHEN detail = '' THEN CAST($3 AS TEXT) ELSE detail || '; ' || CAST($3 AS TEXT) END WHERE workspace_id = $1 AND request_id = $2`,
			caller.WorkspaceID, requestID, clip(what, maxDetail))
		if err != nil {
			return fmt.Errorf("noting what was ignored: %w", err)
		}
		return nil
	})
}

func record(ctx context.Context, s *object.Scope, e Event) error {
	if e.Time.IsZero() {
		e.Time = s.Now
	}
	if e.Operation == "" {
		e.Operation = OperationUnknown
	}
	if e.ID == "" {
		e.ID = store.NewID("pevt", s.Now)
	}
	affected := ""
	if len(e.affected) > 0 {
		affected = EncodeIDs(e.affected)
	}
	request := string(e.Request)
	if len(request) > maxRequest {
		request = fmt.Sprintf(`{"omitted":%q}`, strconv.Itoa(len(request))+" bytes")
	}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO provisioning_event (workspace_id, id, connection, occurred_at, operation, resource, target, outcome, status, detail, request, request_id, affected, released_at, released_by)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 0, '')`,
		s.WorkspaceID, e.ID, s.Caller.Key, e.Time.UnixMicro(), e.Operation, e.Resource, e.Target, e.Outcome, e.Status, clip(e.Detail, maxDetail), request, e.RequestID, affected); err != nil {
		return fmt.Errorf("keeping the provisioning event: %w", err)
	}
	return nil
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "…"
}

// EventFilter selects events. Empty fields select everything.
type EventFilter struct {
	Connection string
	Outcome    string
	Operation  string
	Target     string
	Waiting    bool      // only what waits for a human decision, each change once
	From, To   time.Time // From is inclusive, To is not
	Cursor     string
	Limit      int
}

const eventColumns = `id, connection, occurred_at, operation, resource, target, outcome, status, detail, request, request_id, released_at, released_by, rejected_at, rejected_by, replayed_at, replayed_as, affected`

// Events lists what was pushed, the newest first.
func Events(ctx context.Context, s *object.Scope, f EventFilter) (api.Page[Event], error) {
	page := api.Page[Event]{Items: []Event{}}
	if err := s.Require(ctx, "provisioning_event.read"); err != nil {
		return page, err
	}
	if f.Limit <= 0 || f.Limit > api.MaxPageSize {
		f.Limit = api.DefaultPageSize
	}
	where, args := "workspace_id = $1", []any{s.WorkspaceID}
	add := func(cond string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			cond = strings.Replace(cond, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		where += " AND " + cond
	}
	for column, value := range map[string]string{"connection": f.Connection, "outcome": f.Outcome, "operation": f.Operation, "target": f.Target} {
		if value != "" {
			add(column+" = ?", value)
		}
	}
	if f.Outcome != "" && f.Outcome != OutcomeApplied {
		where += " AND outcome <> 'applied'" // lets the planner use the index of the rare
	}
	if f.Waiting {
		since, times, err := waitingSince(ctx, s)
		if err != nil {
			return page, err
		}
		add(waiting+since, append([]any{s.Now.Add(-releaseLastsFor).UnixMicro(), s.Now.Add(-rejectLastsFor).UnixMicro()}, times...)...)
	}
	if !f.From.IsZero() {
		add("occurred_at >= ?", f.From.UnixMicro())
	}
	if !f.To.IsZero() {
		add("occurred_at < ?", f.To.UnixMicro())
	}
	if f.Cursor != "" {
		at, id, err := parseEventCursor(f.Cursor)
		if err != nil {
			return page, err
		}
		add("(occurred_at, id) < (?, ?)", at, id)
	}
	args = append(args, f.Limit+1)
	rows, err := s.Tx.QueryContext(ctx, `SELECT `+eventColumns+` FROM provisioning_event WHERE `+where+` ORDER BY occurred_at DESC, id DESC LIMIT $`+strconv.Itoa(len(args)), args...)
	if err != nil {
		return page, fmt.Errorf("listing provisioning events: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		e, err := scanEvent(rows)
		if err != nil {
			return page, err
		}
		page.Items = append(page.Items, e)
	}
	if err := rows.Err(); err != nil {
		return page, fmt.Errorf("listing provisioning events: %w", err)
	}
	if len(page.Items) > f.Limit {
		page.Items = page.Items[:f.Limit]
		last := page.Items[f.Limit-1]
		page.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(strconv.FormatInt(last.Time.UnixMicro(), 10) + " " + last.ID))
	}
	return page, nameAffected(ctx, s, page.Items)
}

func parseEventCursor(cursor string) (at int64, id string, err error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	when, id, ok := strings.Cut(string(raw), " ")
	if err == nil && ok && len(cursor) < 200 {
		if at, err = strconv.ParseInt(when, 10, 64); err == nil {
			return at, id, nil
		}
	}
	return 0, "", api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
}

func scanEvent(rows interface{ Scan(...any) error }) (Event, error) {
	var e Event
	var at, released, rejected, replayed int64
	var request, affected string
	if err := rows.Scan(&e.ID, &e.Connection, &at, &e.Operation, &e.Resource, &e.Target, &e.Outcome, &e.Status, &e.Detail, &request, &e.RequestID, &released, &e.ReleasedBy, &rejected, &e.RejectedBy, &replayed, &e.ReplayedAs, &affected); err != nil {
		return e, fmt.Errorf("reading a provisioning event: %w", err)
	}
	e.Time, e.ReleasedAt = time.UnixMicro(at).UTC(), store.FromMicros(released)
	e.RejectedAt, e.ReplayedAt = store.FromMicros(rejected), store.FromMicros(replayed)
	if request != "" {
		e.Request = json.RawMessage(request)
	}
	if affected != "" {
		if err := json.Unmarshal([]byte(affected), &e.affected); err != nil {
			return e, fmt.Errorf("reading a provisioning event: %w", err)
		}
	}
	return e, nil
}
