package secevent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	// reader is the name of the cursor in the log.
	reader = "security_event"
	// perEntry is the room in the order of a receiver for what one entry of the log says.
	perEntry = 16
)

// Consume reads what was sealed since the last time, in every workspace that has a
// receiver, queues tokens, and answers how many.
func (w *Worker) Consume(ctx context.Context) (int, error) {
	log := object.LogReader{Service: w.Service, Name: reader, Among: `EXISTS (SELECT 1 FROM event_receiver_state r WHERE r.workspace_id = w.id)`}
	return log.Read(ctx, func(ctx context.Context, s *object.Scope, entries []object.LogEntry) (int, error) {
		happened, err := w.happened(ctx, s, entries)
		if err != nil || len(happened) == 0 {
			return 0, err
		}
		return enqueue(ctx, s, happened)
	})
}

// happening is an event to tell receivers of, with its place in the order.
type happening struct {
	message
	seq   int64
	event string // id in the audit log
	at    time.Time
}

// happened reads what entries of the log say about people.
func (w *Worker) happened(ctx context.Context, s *object.Scope, entries []object.LogEntry) ([]happening, error) {
	var out []happening
	var group []telling
	flush := func() {
		for _, t := range settle(group) {
			out = append(out, t.happening)
		}
		group = nil
	}
	for i := range entries {
		e := &entries[i]
		if i > 0 && !e.SameChange(&entries[i-1]) {
			flush()
		}
		if !slices.Contains(aboutPeople, e.TargetKind) {
			continue
		}
		event, err := w.Service.AuditLog().Get(ctx, s.Tx, s.WorkspaceID, e.EventID)
		if errors.Is(err, audit.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		said, err := tellingsOf(ctx, s, &event)
		if err != nil {
			return nil, err
		}
		for n := range said {
			said[n].seq = e.Seq*perEntry + int64(n)
		}
		group = append(group, said...)
	}
	flush()
	return out, nil
}

// enqueue queues what happened for every receiver that wants it.
func enqueue(ctx context.Context, s *object.Scope, happened []happening) (int, error) {
	var receivers []*api.EventReceiver
	err := object.Each(ctx, s, api.EventReceiverKind, func(r *api.EventReceiver) error {
		if r.Enabled {
			receivers = append(receivers, r)
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	queued := 0
	for _, h := range happened {
		for _, r := range receivers {
			if !slices.Contains(r.Events, h.Event) || r.CreatedAt != nil && h.at.Before(*r.CreatedAt) {
				continue
			}
			if err := add(ctx, s, r.ID, &h, "queued"); err != nil {
				return queued, err
			}
			queued++
		}
	}
	return queued, nil
}

func eventPlace(id string) string { return "security_event/" + id }

// add writes the row of one event for one receiver and gives it its jti.
func add(ctx context.Context, s *object.Scope, receiver string, h *happening, state string) error {
	raw, err := json.Marshal(h.message)
	if err != nil {
		return fmt.Errorf("encoding a security event: %w", err)
	}
	id := store.NewID("set", s.Now)
	_, err = s.Tx.ExecContext(ctx, `INSERT INTO security_event (workspace_id, id, receiver_id, seq, event, subject, event_id, state, sealed, attempts, next_attempt_at, error, occurred_at, created_at, finished_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, 0, '', $10, $11, 0)`,
		s.WorkspaceID, id, receiver, h.seq, h.Event, h.MemberID, h.event, state, s.Seal(eventPlace(id), string(raw)), h.at.UnixMicro(), s.Now.UnixMicro())
	if err != nil {
		return fmt.Errorf("queueing a security event: %w", err)
	}
	return nil
}
