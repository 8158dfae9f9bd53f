package secevent

import (
	"context"
	"database/sql"
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
	// leaves is how many entries of a log one transaction reads.
	leaves = 200
	// perEntry is the room in the order of a receiver for what one entry of the log says.
	perEntry = 16
)

var errTaken = errors.New("another replica reads this log")

// Consume reads what was sealed since the last time, in every workspace that has a
// receiver, queues tokens, and answers how many. The cursor moves in the same
// transaction, and only from where it was found: each event is read once, however many
// replicas there are.
func (w *Worker) Consume(ctx context.Context) (int, error) {
	behind, err := w.behind(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	var errs []error
	for _, workspace := range behind {
		for ctx.Err() == nil {
			n, more, err := w.consume(ctx, workspace)
			if err != nil && !errors.Is(err, errTaken) {
				errs = append(errs, fmt.Errorf("telling receivers what happened in %s: %w", workspace, err))
			}
			if err != nil {
				break
			}
			if total += n; !more {
				break
			}
		}
	}
	return total, errors.Join(errs...)
}

// behind lists the workspaces with receivers whose log has grown.
func (w *Worker) behind(ctx context.Context) ([]string, error) {
	var out []string
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		out = nil
		rows, err := tx.QueryContext(ctx, `SELECT DISTINCT r.workspace_id FROM event_receiver_state r WHERE EXISTS
			(SELECT 1 FROM audit_leaf l WHERE l.workspace_id = r.workspace_id AND l.seq > COALESCE((SELECT c.seq FROM log_cursor c WHERE c.workspace_id = r.workspace_id AND c.reader = '`+reader+`'), 0))`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var workspace string
			if err := rows.Scan(&workspace); err != nil {
				return err
			}
			out = append(out, workspace)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("looking for news: %w", err)
	}
	return out, nil
}

func (w *Worker) consume(ctx context.Context, workspace string) (queued int, more bool, err error) {
	err = w.Service.Do(ctx, object.System(workspace), func(s *object.Scope) error {
		queued, more = 0, false
		from, err := cursor(ctx, s)
		if err != nil {
			return err
		}
		entries, full, err := entriesAfter(ctx, s, from)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := advance(ctx, s, from, entries[len(entries)-1].seq); err != nil {
			return err
		}
		more = full
		happened, err := w.happened(ctx, s, entries)
		if err != nil || len(happened) == 0 {
			return err
		}
		queued, err = enqueue(ctx, s, happened)
		return err
	})
	return queued, more, err
}

func cursor(ctx context.Context, s *object.Scope) (int64, error) {
	var seq int64
	err := s.Tx.QueryRowContext(ctx, `SELECT seq FROM log_cursor WHERE workspace_id = $1 AND reader = $2`, s.WorkspaceID, reader).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading how far the log was read: %w", err)
	}
	return seq, nil
}

func advance(ctx context.Context, s *object.Scope, from, to int64) error {
	query := `UPDATE log_cursor SET seq = $3 WHERE workspace_id = $1 AND reader = $2 AND seq = $4`
	args := []any{s.WorkspaceID, reader, to, from}
	if from == 0 {
		query = `INSERT INTO log_cursor (workspace_id, reader, seq) VALUES ($1, $2, $3) ON CONFLICT (workspace_id, reader) DO UPDATE SET seq = excluded.seq WHERE log_cursor.seq = $4`
	}
	res, err := s.Tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("noting how far the log was read: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errTaken, err)
	}
	return nil
}

// entry is a place of the log.
type entry struct {
	seq               int64
	event, targetKind string
	change            change
}

// change is what the events of one transaction have in common.
type change struct {
	request string
	at      int64
}

// entriesAfter reads the next entries of the log. What belongs to one change is not cut
// in two, unless it is longer than all that is read at once.
func entriesAfter(ctx context.Context, s *object.Scope, from int64) (out []entry, full bool, err error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT l.seq, l.event_id, e.target_kind, e.request_id, e.occurred_at FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
		WHERE l.workspace_id = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, s.WorkspaceID, from, leaves)
	if err != nil {
		return nil, false, fmt.Errorf("reading the log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e entry
		if err := rows.Scan(&e.seq, &e.event, &e.targetKind, &e.change.request, &e.change.at); err != nil {
			return nil, false, fmt.Errorf("reading the log: %w", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("reading the log: %w", err)
	}
	if full = len(out) == leaves; !full {
		return out, false, nil
	}
	last := out[leaves-1].change
	end := slices.IndexFunc(out, func(e entry) bool { return e.change == last })
	if end == 0 {
		end = leaves
	}
	return out[:end], true, nil
}

// happening is an event to tell receivers of, with its place in the order.
type happening struct {
	message
	seq   int64
	event string // id in the audit log
	at    time.Time
}

// happened reads what entries of the log say about people.
func (w *Worker) happened(ctx context.Context, s *object.Scope, entries []entry) ([]happening, error) {
	var out []happening
	var group []telling
	flush := func() {
		for _, t := range settle(group) {
			out = append(out, t.happening)
		}
		group = nil
	}
	var last change
	for _, e := range entries {
		if e.change != last {
			flush()
			last = e.change
		}
		if !slices.Contains(aboutPeople, e.targetKind) {
			continue
		}
		event, err := w.Service.AuditLog().Get(ctx, s.Tx, s.WorkspaceID, e.event)
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
		for i := range said {
			said[i].seq = e.seq*perEntry + int64(i)
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
