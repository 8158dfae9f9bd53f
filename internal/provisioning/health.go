package provisioning

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// States of a connection, the worst first.
const (
	HealthFailing = "failing" // what it sent last was refused
	HealthHeld    = "held"    // changes wait for a human decision
	HealthSilent  = "silent"  // it has sent nothing for a day
	HealthExpired = "expired" // none of its tokens counts any longer
	HealthNew     = "new"     // it has sent nothing yet
	HealthHealthy = "healthy"
)

// healthWindow is what errors are counted over, and after which a connection is silent.
const healthWindow = 24 * time.Hour

// Health is how a provisioning connection does.
type Health struct {
	Connection    string        `json:"connection" doc:"Name of the provisioning connection."`
	State         string        `json:"state" doc:"healthy, new, silent, held, failing or expired: the worst that holds."`
	LastRequestAt *time.Time    `json:"last_request_at,omitempty" doc:"Last request that left an event."`
	LastSuccessAt *time.Time    `json:"last_success_at,omitempty" doc:"Last change that was applied, or was there already."`
	LastFailureAt *time.Time    `json:"last_failure_at,omitempty" doc:"Last request that was refused."`
	LagSeconds    int64         `json:"lag_seconds" doc:"For how long requests have been refused since the last success; 0 when the last one succeeded."`
	Applied       int64         `json:"applied" doc:"Changes applied within 24 hours."`
	Errors        []HealthError `json:"errors" nullable:"false" doc:"Refused requests within 24 hours, by status."`
	Waiting       int64         `json:"waiting" doc:"Held changes that wait for a human decision."`
	People        int64         `json:"people" doc:"People that it provisions."`
	Groups        int64         `json:"groups" doc:"Groups that it pushed."`
	TokenExpires  *time.Time    `json:"token_expires_at,omitempty" doc:"When the last of its tokens expires."`
}

// HealthError counts refusals of one kind.
type HealthError struct {
	Status int64  `json:"status" doc:"HTTP status of the answers."`
	Count  int64  `json:"count"`
	Detail string `json:"detail" doc:"What the latest of them said."`
}

// HealthOf tells how each provisioning connection does, in the order of their names.
func HealthOf(ctx context.Context, s *object.Scope) ([]Health, error) {
	if err := s.Require(ctx, "provisioning_event.read"); err != nil {
		return nil, err
	}
	byName := map[string]*Health{}
	err := object.Each(ctx, s, api.SCIMTokenKind, func(t *api.SCIMToken) error {
		h := byName[t.Connection]
		if h == nil {
			h = &Health{Connection: t.Connection, Errors: []HealthError{}}
			byName[t.Connection] = h
		}
		if t.ExpiresAt != nil && (h.TokenExpires == nil || t.ExpiresAt.After(*h.TokenExpires)) {
			h.TokenExpires = t.ExpiresAt
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	out := make([]Health, 0, len(byName))
	for _, h := range byName {
		if err := h.read(ctx, s); err != nil {
			return nil, err
		}
		out = append(out, *h)
	}
	slices.SortFunc(out, func(a, b Health) int { return strings.Compare(a.Connection, b.Connection) })
	return out, nil
}

// latest asks for the time of the newest event of one outcome, from the end of the log.
const latest = `SELECT COALESCE((SELECT occurred_at FROM provisioning_event WHERE workspace_id = $1 AND connection = $2 AND %s ORDER BY occurred_at DESC LIMIT 1), 0)`

func (h *Health) read(ctx context.Context, s *object.Scope) error {
	since := s.Now.Add(-healthWindow).UnixMicro()
	var request, success, failure int64
	for _, q := range []struct {
		text string
		args []any
		into *int64
	}{
		{fmt.Sprintf(latest, "outcome IN ('applied', 'ignored')"), nil, &success},
		{fmt.Sprintf(latest, "outcome = 'failed' AND outcome <> 'applied'"), nil, &failure},
		{fmt.Sprintf(latest, "1 = 1"), nil, &request},
		{`SELECT COUNT(*) FROM provisioning_event WHERE workspace_id = $1 AND connection = $2 AND outcome = 'applied' AND occurred_at > $3`, []any{since}, &h.Applied},
		{`SELECT COUNT(*) FROM scim_user WHERE workspace_id = $1 AND connection = $2 AND deleted_at = 0`, nil, &h.People},
		{`SELECT COUNT(*) FROM scim_group WHERE workspace_id = $1 AND connection = $2`, nil, &h.Groups},
	} {
		if err := s.Tx.QueryRowContext(ctx, q.text, append([]any{s.WorkspaceID, h.Connection}, q.args...)...).Scan(q.into); err != nil {
			return fmt.Errorf("reading the health of connection %s: %w", h.Connection, err)
		}
	}
	h.LastRequestAt, h.LastSuccessAt, h.LastFailureAt = store.FromMicros(request), store.FromMicros(success), store.FromMicros(failure)
	if err := h.readErrors(ctx, s, since); err != nil {
		return err
	}
	held, err := waitingOf(ctx, s, h.Connection)
	if err != nil {
		return err
	}
	h.Waiting = held
	if failure > success {
		h.LagSeconds = int64(s.Now.Sub(time.UnixMicro(max(success, h.firstFailure(ctx, s, success)))).Seconds())
	}
	h.State = h.judge(s.Now)
	return nil
}

// firstFailure is the first refusal since the last success.
func (h *Health) firstFailure(ctx context.Context, s *object.Scope, success int64) int64 {
	var at int64
	err := s.Tx.QueryRowContext(ctx, `SELECT COALESCE((SELECT occurred_at FROM provisioning_event WHERE workspace_id = $1 AND connection = $2 AND outcome = 'failed' AND outcome <> 'applied' AND occurred_at > $3 ORDER BY occurred_at LIMIT 1), 0)`,
		s.WorkspaceID, h.Connection, success).Scan(&at)
	if err != nil {
		return success
	}
	return at
}

func (h *Health) readErrors(ctx context.Context, s *object.Scope, since int64) error {
	rows, err := s.Tx.QueryContext(ctx, `SELECT status, COUNT(*), MAX(occurred_at) FROM provisioning_event
		WHERE workspace_id = $1 AND connection = $2 AND outcome = 'failed' AND outcome <> 'applied' AND occurred_at > $3 GROUP BY status ORDER BY status`, s.WorkspaceID, h.Connection, since)
	if err != nil {
		return fmt.Errorf("counting refusals: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var at []int64
	for rows.Next() {
		var e HealthError
		var last int64
		if err := rows.Scan(&e.Status, &e.Count, &last); err != nil {
			return fmt.Errorf("counting refusals: %w", err)
		}
		h.Errors, at = append(h.Errors, e), append(at, last)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("counting refusals: %w", err)
	}
	for n := range h.Errors {
		if err := s.Tx.QueryRowContext(ctx, `SELECT detail FROM provisioning_event WHERE workspace_id = $1 AND connection = $2 AND outcome = 'failed' AND outcome <> 'applied' AND occurred_at = $3 AND status = $4 LIMIT 1`,
			s.WorkspaceID, h.Connection, at[n], h.Errors[n].Status).Scan(&h.Errors[n].Detail); err != nil {
			return fmt.Errorf("reading a refusal: %w", err)
		}
	}
	return nil
}

// waitingOf counts the held changes of a connection that wait.
func waitingOf(ctx context.Context, s *object.Scope, connection string) (int64, error) {
	since, times, err := waitingSince(ctx, s)
	if err != nil {
		return 0, err
	}
	where, args := "workspace_id = $1 AND connection = $2", []any{s.WorkspaceID, connection}
	cond := waiting + since
	for _, v := range append([]any{s.Now.Add(-releaseLastsFor).UnixMicro(), s.Now.Add(-rejectLastsFor).UnixMicro()}, times...) {
		args = append(args, v)
		cond = strings.Replace(cond, "?", fmt.Sprintf("$%d", len(args)), 1)
	}
	var n int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM provisioning_event WHERE `+where+` AND `+cond, args...).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting held changes: %w", err)
	}
	return n, nil
}

func (h *Health) judge(now time.Time) string {
	switch {
	case h.TokenExpires != nil && !h.TokenExpires.After(now):
		return HealthExpired
	case h.LagSeconds > 0 || h.LastFailureAt != nil && (h.LastSuccessAt == nil || h.LastFailureAt.After(*h.LastSuccessAt)):
		return HealthFailing
	case h.Waiting > 0:
		return HealthHeld
	case h.LastRequestAt == nil:
		return HealthNew
	case now.Sub(*h.LastRequestAt) > healthWindow:
		return HealthSilent
	}
	return HealthHealthy
}
