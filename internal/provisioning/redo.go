package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Request is the request of an event, as far as it was kept.
type Request struct {
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Query  string          `json:"query,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`
}

// replayTakes bounds how long a replay that was begun keeps others away: it ends by
// itself when the server that began it is gone.
const replayTakes = 5 * time.Minute

// BeginReplay claims an event for being done again and answers its request; nil when it
// was done again already, and the event says as which. What was held is released by it.
// Only what failed or was held can be replayed, and only while nothing newer was done to
// the same person or group: a late replay would undo it.
func BeginReplay(ctx context.Context, s *object.Scope, id string) (*Event, *Request, error) {
	if err := s.Require(ctx, "provisioning_event.replay"); err != nil {
		return nil, nil, err
	}
	lock := ""
	if s.Tx.Dialect() == store.Postgres {
		lock = " FOR UPDATE"
	}
	e, err := scanEvent(s.Tx.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM provisioning_event WHERE workspace_id = $1 AND id = $2`+lock, s.WorkspaceID, id))
	if isNoRows(err) {
		return nil, nil, object.NotFound("provisioning event", id)
	}
	if err != nil {
		return nil, nil, err
	}
	switch {
	case e.ReplayedAs != "":
		return &e, nil, nil
	case e.ReplayedAt != nil && s.Now.Sub(*e.ReplayedAt) < replayTakes:
		return nil, nil, api.NewProblem(api.CodeConflict, "The event %s is being replayed at this moment.", id)
	case e.Outcome != OutcomeFailed && e.Outcome != OutcomeQuarantined:
		return nil, nil, api.NewProblem(api.CodeConflict, "The event %s was %s; only failed and quarantined events can be replayed.", id, e.Outcome)
	}
	var req Request
	if err := json.Unmarshal(e.Request, &req); err != nil || !replayable(req) {
		return nil, nil, api.NewProblem(api.CodeConflict, "The request of event %s was a read, or was not kept whole; the identity provider has to send it again.", id)
	}
	if err := refuseOvertaken(ctx, s, &e); err != nil {
		return nil, nil, err
	}
	if e.Outcome == OutcomeQuarantined {
		if _, err := Release(ctx, s, id); err != nil {
			return nil, nil, err
		}
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE provisioning_event SET replayed_at = $3 WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id, s.Now.UnixMicro()); err != nil {
		return nil, nil, fmt.Errorf("claiming an event: %w", err)
	}
	return &e, &req, nil
}

func replayable(r Request) bool {
	switch r.Method {
	case http.MethodDelete:
		return r.Path != ""
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		return r.Path != "" && len(r.Body) > 0 && !strings.Contains(r.Path, ".search") && r.Path != "/Bulk"
	}
	return false
}

// refuseOvertaken answers a conflict when something newer was done to the target.
func refuseOvertaken(ctx context.Context, s *object.Scope, e *Event) error {
	if e.Target == "" {
		return nil
	}
	var newer int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM provisioning_event WHERE workspace_id = $1 AND target = $2 AND connection = $3 AND outcome = 'applied' AND occurred_at > $4`,
		s.WorkspaceID, e.Target, e.Connection, e.Time.UnixMicro()).Scan(&newer); err != nil {
		return fmt.Errorf("looking for newer events: %w", err)
	}
	if newer == 0 {
		return nil
	}
	return api.NewProblem(api.CodeConflict, "Something newer was done to %s since event %s; a replay would undo it. The identity provider has to send the change again.", e.Target, e.ID)
}

// EndReplay notes what became of a replay, and answers the event of it. One that failed
// may be begun again.
func EndReplay(ctx context.Context, s *object.Scope, id, requestID string, since time.Time) (*Event, error) {
	as, err := EventOfRequest(ctx, s, requestID, since)
	if err != nil {
		return nil, err
	}
	done := as != nil && (as.Outcome == OutcomeApplied || as.Outcome == OutcomeIgnored)
	text, args := `UPDATE provisioning_event SET replayed_at = 0 WHERE workspace_id = $1 AND id = $2`, []any{s.WorkspaceID, id}
	if done {
		text = `UPDATE provisioning_event SET replayed_at = $3, replayed_as = $4 WHERE workspace_id = $1 AND id = $2`
		args = append(args, s.Now.UnixMicro(), as.ID)
	}
	if _, err := s.Tx.ExecContext(ctx, text, args...); err != nil {
		return nil, fmt.Errorf("noting a replay: %w", err)
	}
	outcome := "without an event"
	if as != nil {
		outcome = as.Outcome + " as " + as.ID
	}
	return as, s.Record("provisioning.replayed", audit.Target{Kind: "provisioning_event", ID: id}, audit.EffectUnknown, nil, nil, outcome)
}

// EventOfRequest is the event that a request left since; nil when it left none.
func EventOfRequest(ctx context.Context, s *object.Scope, requestID string, since time.Time) (*Event, error) {
	e, err := scanEvent(s.Tx.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM provisioning_event WHERE workspace_id = $1 AND occurred_at >= $2 AND request_id = $3 ORDER BY occurred_at DESC, id DESC LIMIT 1`,
		s.WorkspaceID, since.UnixMicro(), requestID))
	if isNoRows(err) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	one := []Event{e}
	return &one[0], nameAffected(ctx, s, one)
}

// FindEvent reads one event.
func FindEvent(ctx context.Context, s *object.Scope, id string) (*Event, error) {
	if err := s.Require(ctx, "provisioning_event.read"); err != nil {
		return nil, err
	}
	e, err := scanEvent(s.Tx.QueryRowContext(ctx, `SELECT `+eventColumns+` FROM provisioning_event WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id))
	if isNoRows(err) {
		return nil, object.NotFound("provisioning event", id)
	}
	if err != nil {
		return nil, err
	}
	one := []Event{e}
	return &one[0], nameAffected(ctx, s, one)
}
