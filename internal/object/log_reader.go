package object

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// LogReader reads the sealed audit log of each workspace behind a cursor of its own. The
// log is the outbox: whoever tells somebody what happened reads it there, whichever door
// it came through. The cursor moves in the transaction that queues what is told, and
// only from where it was found, so that each event is read once, however many replicas
// there are.
type LogReader struct {
	Service *Service
	Name    string // of the cursor
	// Among narrows the workspaces whose log is read: a condition on workspace w; ""
	// for all.
	Among string
}

// LogEntry is a place of the log, and what tells whether somebody wants to hear of it.
type LogEntry struct {
	Seq                int64
	EventID            string
	Action, TargetKind string
	RequestID          string
	occurredAt         int64
}

// SameChange says that two events belong to one change: one transaction of one request.
func (e *LogEntry) SameChange(o *LogEntry) bool {
	return e.RequestID == o.RequestID && e.occurredAt == o.occurredAt
}

// logBatch is how many entries of a log one transaction reads.
const logBatch = 200

var errLogTaken = errors.New("another replica reads this log")

// Read hands what was sealed since the last time to f, in the order of the log and a
// batch in each transaction, and answers the sum of what f does. What belongs to one
// change is not cut in two, unless it is longer than a batch. A workspace whose log
// cannot be read does not keep the others from theirs.
func (r *LogReader) Read(ctx context.Context, f func(context.Context, *Scope, []LogEntry) (int, error)) (int, error) {
	behind, err := r.behind(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	var errs []error
	for _, workspace := range behind {
		for more := true; more && ctx.Err() == nil; {
			var n int
			n, more, err = r.batch(ctx, workspace, f)
			total += n
			if errors.Is(err, errLogTaken) {
				break
			}
			if err != nil {
				errs = append(errs, fmt.Errorf("reading what happened in %s: %w", workspace, err))
				break
			}
		}
	}
	return total, errors.Join(errs...)
}

// behind lists the workspaces whose log has grown.
func (r *LogReader) behind(ctx context.Context) ([]string, error) {
	among := ""
	if r.Among != "" {
		among = " AND " + r.Among
	}
	var out []string
	err := r.Service.DB.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT w.id FROM workspace w WHERE EXISTS
			(SELECT 1 FROM audit_leaf l WHERE l.workspace_id = w.id AND l.seq > COALESCE((SELECT c.seq FROM log_cursor c WHERE c.workspace_id = w.id AND c.reader = $1), 0))`+among+` ORDER BY w.id`, r.Name)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		out = nil
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			out = append(out, id)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("looking for news: %w", err)
	}
	return out, nil
}

// batch reads once. more says that there may be more.
func (r *LogReader) batch(ctx context.Context, workspace string, f func(context.Context, *Scope, []LogEntry) (int, error)) (n int, more bool, err error) {
	err = r.Service.Do(ctx, System(workspace), func(s *Scope) error {
		n, more = 0, false
		from, err := r.cursor(ctx, s)
		if err != nil {
			return err
		}
		entries, full, err := logAfter(ctx, s, from)
		if err != nil || len(entries) == 0 {
			return err
		}
		if err := r.advance(ctx, s, from, entries[len(entries)-1].Seq); err != nil {
			return err
		}
		more = full
		n, err = f(ctx, s, entries)
		return err
	})
	if err != nil {
		n = 0
	}
	return n, more, err
}

func (r *LogReader) cursor(ctx context.Context, s *Scope) (int64, error) {
	var seq int64
	err := s.Tx.QueryRowContext(ctx, `SELECT seq FROM log_cursor WHERE workspace_id = $1 AND reader = $2`, s.WorkspaceID, r.Name).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading how far the log was read: %w", err)
	}
	return seq, nil
}

func (r *LogReader) advance(ctx context.Context, s *Scope, from, to int64) error {
	query := `UPDATE log_cursor SET seq = $3 WHERE workspace_id = $1 AND reader = $2 AND seq = $4`
	args := []any{s.WorkspaceID, r.Name, to, from}
	if from == 0 {
		query = `INSERT INTO log_cursor (workspace_id, reader, seq) VALUES ($1, $2, $3) ON CONFLICT (workspace_id, reader) DO UPDATE SET seq = excluded.seq WHERE log_cursor.seq = $4`
	}
	res, err := s.Tx.ExecContext(ctx, query, args...)
	if err != nil {
		return fmt.Errorf("noting how far the log was read: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return errors.Join(errLogTaken, err)
	}
	return nil
}

func logAfter(ctx context.Context, s *Scope, from int64) (out []LogEntry, full bool, err error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT l.seq, l.event_id, e.action, e.target_kind, e.request_id, e.occurred_at FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
		WHERE l.workspace_id = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, s.WorkspaceID, from, logBatch)
	if err != nil {
		return nil, false, fmt.Errorf("reading the log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var e LogEntry
		if err := rows.Scan(&e.Seq, &e.EventID, &e.Action, &e.TargetKind, &e.RequestID, &e.occurredAt); err != nil {
			return nil, false, fmt.Errorf("reading the log: %w", err)
		}
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, false, fmt.Errorf("reading the log: %w", err)
	}
	if full = len(out) == logBatch; !full {
		return out, false, nil
	}
	last := &out[logBatch-1]
	if begun := slices.IndexFunc(out, func(e LogEntry) bool { return e.SameChange(last) }); begun > 0 {
		out = out[:begun]
	}
	return out, true, nil
}
