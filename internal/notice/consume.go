package notice

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// leaves is how many entries of a log one transaction reads.
const leaves = 200

var errTaken = errors.New("another replica reads this log")

// Consume reads what was sealed since the last time, in every workspace, tells people,
// and answers how many events it told somebody of or could have. The cursor moves in
// the same transaction, and only from where it was found: each event is read once,
// however many replicas there are.
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
			total += n
			if err != nil && !errors.Is(err, errTaken) {
				errs = append(errs, fmt.Errorf("telling what happened in %s: %w", workspace, err))
			}
			if err != nil || !more {
				break
			}
		}
	}
	return total, errors.Join(errs...)
}

// behind lists the workspaces whose log has grown.
func (w *Worker) behind(ctx context.Context) ([]string, error) {
	var out []string
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT w.id FROM workspace w WHERE EXISTS
			(SELECT 1 FROM audit_leaf l WHERE l.workspace_id = w.id AND l.seq > COALESCE((SELECT c.seq FROM log_cursor c WHERE c.workspace_id = w.id AND c.reader = 'notice'), 0)) ORDER BY w.id`)
		if err != nil {
			return err
		}
		out, err = texts(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for news: %w", err)
	}
	return out, nil
}

func texts(rows *sql.Rows) ([]string, error) {
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}

func (w *Worker) consume(ctx context.Context, workspace string) (told int, more bool, err error) {
	err = w.Service.Do(ctx, object.System(workspace), func(s *object.Scope) error {
		told, more = 0, false
		from, err := cursor(ctx, s)
		if err != nil {
			return err
		}
		news, last, read, err := news(ctx, s, from)
		if err != nil || read == 0 {
			return err
		}
		if err := advance(ctx, s, from, last); err != nil {
			return err
		}
		more = read == leaves
		h := &herald{scope: s, baseURL: s.BaseURL()}
		for _, id := range news {
			n, err := w.tellOf(ctx, h, id)
			if err != nil {
				return err
			}
			told += n
		}
		return nil
	})
	return told, more, err
}

// tellOf tells of one event.
func (w *Worker) tellOf(ctx context.Context, h *herald, id string) (int, error) {
	e, err := w.Service.AuditLog().Get(ctx, h.scope.Tx, h.scope.WorkspaceID, id)
	if errors.Is(err, audit.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	tellings, err := rules[e.Action](ctx, h.scope, &e, factsOf(&e))
	if err != nil {
		return 0, err
	}
	told := 0
	for _, t := range tellings {
		if err := h.tell(ctx, &e, t); err != nil {
			return told, err
		}
		told++
	}
	return told, nil
}

func cursor(ctx context.Context, s *object.Scope) (int64, error) {
	var seq int64
	err := s.Tx.QueryRowContext(ctx, `SELECT seq FROM log_cursor WHERE workspace_id = $1 AND reader = 'notice'`, s.WorkspaceID).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading how far the log was read: %w", err)
	}
	return seq, nil
}

// news reads the next entries of the log: the ids of those that somebody may be told
// of, the place of the last, and how many there were.
func news(ctx context.Context, s *object.Scope, from int64) (ids []string, last int64, read int, err error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT l.seq, l.event_id, e.action FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
		WHERE l.workspace_id = $1 AND l.seq > $2 ORDER BY l.seq LIMIT $3`, s.WorkspaceID, from, leaves)
	if err != nil {
		return nil, 0, 0, fmt.Errorf("reading the log: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var id, action string
		if err := rows.Scan(&last, &id, &action); err != nil {
			return nil, 0, 0, fmt.Errorf("reading the log: %w", err)
		}
		read++
		if rules[action] != nil {
			ids = append(ids, id)
		}
	}
	return ids, last, read, rows.Err()
}

func advance(ctx context.Context, s *object.Scope, from, to int64) error {
	query := `UPDATE log_cursor SET seq = $2 WHERE workspace_id = $1 AND reader = 'notice' AND seq = $3`
	args := []any{s.WorkspaceID, to, from}
	if from == 0 {
		query, args = `INSERT INTO log_cursor (workspace_id, reader, seq) VALUES ($1, 'notice', $2) ON CONFLICT DO NOTHING`, args[:2]
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
