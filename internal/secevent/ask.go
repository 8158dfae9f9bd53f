package secevent

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Verify sends a receiver the verification event (SSF 1.0 §8.1.4) and answers what it
// says. A receiver that accepts it gets at once what waits for it.
func Verify(ctx context.Context, svc *object.Service, client *http.Client, caller *object.Caller, ref string) (*api.EventReceiverVerification, error) {
	var r *route
	load := func() error {
		return svc.View(ctx, caller, func(s *object.Scope) (err error) {
			if err := s.Require(ctx, api.EventReceiverKind.WritePermission()); err != nil {
				return err
			}
			r, err = routeOf(ctx, s, ref)
			return err
		})
	}
	err := load()
	if err == nil && r.key == nil {
		if err = ensureKey(ctx, svc, caller.WorkspaceID, r.receiver.SigningAlgorithm); err == nil {
			err = load()
		}
	}
	if err != nil {
		return nil, err
	}
	now := svc.Clock().UTC().Truncate(time.Microsecond)
	h := &happening{at: now, message: message{Event: verification, OccurredAt: now.Unix(), Stream: r.receiver.ID, State: rand.Text()}}
	id := store.NewID("set", now)
	a := answer{verdict: unreachable, text: "this server sends nothing"}
	if client != nil {
		token, err := r.key.sign(h.claims(r.receiver.Issuer, r.receiver.Audience, id, now))
		if err != nil {
			return nil, err
		}
		a = push(ctx, client, r.receiver.URL, r.header, token)
	}
	out := &api.EventReceiverVerification{ID: id, Accepted: a.verdict == accepted, Status: int64(a.status), Error: a.text}
	ctx = context.WithoutCancel(ctx)
	err = svc.Do(ctx, caller, func(s *object.Scope) error {
		if err := s.Require(ctx, api.EventReceiverKind.WritePermission()); err != nil {
			return err
		}
		state := "failed"
		if out.Accepted {
			state = "sent"
		}
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO security_event (workspace_id, id, receiver_id, seq, event, subject, event_id, state, sealed, attempts, next_attempt_at, error, occurred_at, created_at, finished_at)
			VALUES ($1, $2, $3, 0, $4, '', '', $5, '', 1, 0, $6, $7, $7, $7)`,
			s.WorkspaceID, id, r.receiver.ID, verification, state, a.text, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("keeping the verification: %w", err)
		}
		if err := noteVerified(ctx, s, r.receiver, out); err != nil {
			return err
		}
		return s.Record("event_receiver.verified", audit.Target{Kind: api.EventReceiverKind.Name, ID: r.receiver.ID, Key: r.receiver.Key}, audit.EffectNeutral, nil, map[string]any{"accepted": out.Accepted, "status": out.Status})
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// noteVerified keeps what the answer says about the receiver.
func noteVerified(ctx context.Context, s *object.Scope, r *api.EventReceiver, v *api.EventReceiverVerification) error {
	query := `UPDATE event_receiver_state SET last_error = $3, last_error_at = $4 WHERE workspace_id = $1 AND receiver_id = $2`
	args := []any{s.WorkspaceID, r.ID, v.Error, s.Now.UnixMicro()}
	if v.Accepted {
		// While a worker delivers, the time is the end of its lease and stays.
		query = `UPDATE event_receiver_state SET last_success_at = $3, failures = 0, failing_since = 0, next_attempt_at = CASE WHEN lease = '' AND next_attempt_at < $4 THEN 0 ELSE next_attempt_at END WHERE workspace_id = $1 AND receiver_id = $2`
		args = []any{s.WorkspaceID, r.ID, s.Now.UnixMicro(), never}
	}
	if _, err := s.Tx.ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("keeping the state of a receiver: %w", err)
	}
	return nil
}

// Deliveries lists the tokens for a receiver, the newest first, and says how it does.
func Deliveries(ctx context.Context, s *object.Scope, ref, state, cursor string, limit int) (*api.EventDeliveryPage, error) {
	if err := s.Require(ctx, api.EventReceiverKind.ReadPermission()); err != nil {
		return nil, err
	}
	obj, err := s.Get(ctx, api.EventReceiverKind, ref)
	if err != nil {
		return nil, err
	}
	r := obj.(*api.EventReceiver)
	page := &api.EventDeliveryPage{Items: []api.EventDelivery{}}
	if page.Status, err = statusOf(ctx, s, r); err != nil {
		return nil, err
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	query := `SELECT id, event, subject, event_id, state, attempts, error, occurred_at, finished_at FROM security_event WHERE workspace_id = $1 AND receiver_id = $2`
	args := []any{s.WorkspaceID, r.ID}
	for _, c := range []struct{ cond, value string }{{"state = ", state}, {"id < ", cursor}} {
		if c.value != "" {
			args = append(args, c.value)
			query += fmt.Sprintf(" AND %s$%d", c.cond, len(args))
		}
	}
	if cursor != "" && (!strings.HasPrefix(cursor, "set_") || len(cursor) > 64) {
		return nil, api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
	}
	rows, err := s.Tx.QueryContext(ctx, query+fmt.Sprintf(" ORDER BY id DESC LIMIT $%d", len(args)+1), append(args, limit+1)...)
	if err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var d api.EventDelivery
		var occurred, finished int64
		if err := rows.Scan(&d.ID, &d.Event, &d.Subject, &d.AuditEvent, &d.State, &d.Attempts, &d.Error, &occurred, &finished); err != nil {
			return nil, fmt.Errorf("listing deliveries: %w", err)
		}
		d.URI, d.OccurredAt, d.FinishedAt = uris[d.Event], time.UnixMicro(occurred).UTC(), store.FromMicros(finished)
		page.Items = append(page.Items, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("listing deliveries: %w", err)
	}
	if len(page.Items) > limit {
		page.Items = page.Items[:limit]
		page.NextCursor = page.Items[limit-1].ID
	}
	return page, nil
}

// statusOf says how deliveries to a receiver go.
func statusOf(ctx context.Context, s *object.Scope, r *api.EventReceiver) (api.EventReceiverStatus, error) {
	st := api.EventReceiverStatus{State: "idle"}
	var next, since, success, errorAt int64
	err := s.Tx.QueryRowContext(ctx, `SELECT next_attempt_at, failing_since, last_success_at, last_error, last_error_at,
		(SELECT COUNT(*) FROM security_event e WHERE e.workspace_id = $1 AND e.receiver_id = $2 AND e.state = 'queued') FROM event_receiver_state WHERE workspace_id = $1 AND receiver_id = $2`,
		s.WorkspaceID, r.ID).Scan(&next, &since, &success, &st.LastError, &errorAt, &st.Waiting)
	if err != nil {
		return st, fmt.Errorf("reading the state of a receiver: %w", err)
	}
	st.LastSuccessAt, st.FailingSince, st.LastErrorAt = store.FromMicros(success), store.FromMicros(since), store.FromMicros(errorAt)
	switch {
	case !r.Enabled:
		st.State = "disabled"
	case since != 0:
		st.State, st.NextAttemptAt = "failing", store.FromMicros(next)
	case st.Waiting > 0:
		st.State = "delivering"
	}
	return st, nil
}
