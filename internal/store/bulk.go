package store

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// Chunk sizes of bulk statements. Every chunk but the last has the same length, so
// that few texts are prepared; SQLite takes 32,766 parameters, PostgreSQL 65,535.
const (
	saveChunk = 200
	readChunk = 500
)

// SaveAll writes many rows of one kind in few statements: rows whose id exists are
// replaced, others are added. It does not compare versions: callers hold the lock
// that makes their reading current (authz_version of the workspace). ErrExists when
// another row has the key.
func (t Table) SaveAll(ctx context.Context, tx *Tx, rows []*Row) error {
	for len(rows) > 0 {
		n := min(len(rows), saveChunk)
		if n < saveChunk && n > 8 {
			n = 8 // the tail, in statements of a length that is prepared already
		} else if n < 8 {
			n = 1
		}
		args := make([]any, 0, n*(12+len(t.Extra)))
		for _, r := range rows[:n] {
			args = append(args, r.args()...)
		}
		_, err := tx.ExecContext(ctx, t.text(fmt.Sprintf("save %d", n), func() string { return t.saveText(n) }), args...)
		if IsUnique(err) {
			return ErrExists
		}
		if err != nil {
			return fmt.Errorf("storing %d rows of %s: %w", n, t.Name, err)
		}
		rows = rows[n:]
	}
	return nil
}

func (t Table) saveText(n int) string {
	cols := append([]string{"workspace_id", "kind", "id", "key", "doc", "version", "manager", "stack", "change_context", "managed_at", "created_at", "updated_at"}, t.Extra...)
	var b strings.Builder
	b.WriteString("INSERT INTO " + t.Name + " (" + strings.Join(cols, ", ") + ") VALUES ")
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString("(" + Params(1+i*len(cols), len(cols)) + ")")
	}
	b.WriteString(" ON CONFLICT (workspace_id, id) DO UPDATE SET ")
	for i, c := range cols[3:] {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(c + " = excluded." + c)
	}
	return b.String()
}

// ByIDs reads many rows by id; those that do not exist are absent from the map.
func (t Table) ByIDs(ctx context.Context, tx *Tx, workspace, kind string, ids []string) (map[string]*Row, error) {
	out := make(map[string]*Row, len(ids))
	for len(ids) > 0 {
		n := min(len(ids), readChunk)
		chunk := ids[:n]
		ids = ids[n:]
		args := []any{workspace, kind}
		for i := range readLength(n) {
			args = append(args, chunk[min(i, n-1)])
		}
		rows, err := tx.QueryContext(ctx, "SELECT "+rowColumns+" FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND id IN ("+Params(3, len(args)-2)+")", args...)
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.Name, err)
		}
		if err := collect(rows, out); err != nil {
			return nil, fmt.Errorf("reading %s: %w", t.Name, err)
		}
	}
	return out, nil
}

// collect reads rows into a map by id and closes them.
func collect(rows *sql.Rows, into map[string]*Row) error {
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		r, err := scanRow(rows)
		if err != nil {
			return err
		}
		into[r.ID] = r
	}
	return rows.Err()
}

// RemoveAll deletes many rows by id, whatever their version.
func (t Table) RemoveAll(ctx context.Context, tx *Tx, workspace, kind string, ids []string) error {
	for len(ids) > 0 {
		n := min(len(ids), readChunk)
		chunk := ids[:n]
		ids = ids[n:]
		args := []any{workspace, kind}
		for i := range readLength(n) {
			args = append(args, chunk[min(i, n-1)])
		}
		if _, err := tx.ExecContext(ctx, "DELETE FROM "+t.Name+" WHERE workspace_id = $1 AND kind = $2 AND id IN ("+Params(3, len(args)-2)+")", args...); err != nil {
			return fmt.Errorf("deleting %d rows of %s: %w", n, t.Name, err)
		}
	}
	return nil
}

// readLength rounds the length of an IN list up to one of few lengths; the last
// value is repeated.
func readLength(n int) int {
	for _, l := range []int{1, 8, 64} {
		if n <= l {
			return l
		}
	}
	return readChunk
}
