package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// maxGroup bounds how many writes share one commit.
const maxGroup = 64

// writeLoop runs SQLite's writes one after the other; those that wait at the same
// moment share one commit (and one fsync), each in a savepoint of its own.
func (db *DB) writeLoop() {
	defer close(db.done)
	w := &writer{db: db, statements: &statements{}}
	defer w.drop()
	for first := range db.jobs {
		group := []*job{first}
	gather:
		for len(group) < maxGroup {
			select {
			case next, ok := <-db.jobs:
				if !ok {
					break gather
				}
				group = append(group, next)
			default:
				break gather
			}
		}
		w.commit(group)
	}
}

// writer owns the connection that writes and the statements prepared on it.
type writer struct {
	db         *DB
	conn       *sql.Conn
	statements *statements
}

func (w *writer) begin(ctx context.Context) error {
	if w.conn == nil {
		conn, err := w.db.writer.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connecting to write: %w", err)
		}
		w.conn = conn
	}
	if err := w.run(ctx, "BEGIN IMMEDIATE"); err != nil {
		w.drop()
		return fmt.Errorf("beginning to write: %w", err)
	}
	return nil
}

// end commits or rolls back. A connection that fails to is given up.
func (w *writer) end(ctx context.Context, how string) error {
	err := w.run(ctx, how)
	if err == nil {
		return nil
	}
	_ = w.run(ctx, "ROLLBACK")
	w.drop()
	return fmt.Errorf("ending a write (%s): %w", strings.ToLower(how), err)
}

func (w *writer) run(ctx context.Context, query string) error {
	if s := w.prepare(ctx, query); s != nil { //nolint:sqlclosecheck // kept for the life of the connection
		_, err := s.ExecContext(ctx)
		return err
	}
	_, err := w.conn.ExecContext(ctx, query)
	return err
}

func (w *writer) prepare(ctx context.Context, query string) *sql.Stmt {
	return w.statements.get(query, func() (*sql.Stmt, error) {
		w.db.prepared.Store(query, true)
		return w.conn.PrepareContext(context.WithoutCancel(ctx), planOnce(query))
	})
}

// drop gives the connection back; the next write takes a fresh one.
func (w *writer) drop() {
	if w.conn != nil {
		_ = w.conn.Close()
	}
	w.conn, w.statements = nil, &statements{}
}

// commit runs a group in one transaction and answers each job. A job that fails is
// undone alone; a commit that fails fails all that had succeeded.
func (w *writer) commit(group []*job) {
	ctx := context.Background()
	results := make([]error, len(group))
	err := w.begin(ctx)
	if err == nil {
		t := &Tx{q: w.conn, dialect: SQLite, prepare: w.prepare, whole: true}
		if len(group) == 1 {
			results[0] = runAlone(t, group[0])
		} else {
			for i, j := range group {
				results[i] = runJob(ctx, t, j)
			}
		}
		if len(group) == 1 && results[0] != nil {
			err = w.end(ctx, "ROLLBACK")
		} else {
			err = w.end(ctx, "COMMIT")
		}
	}
	for i, j := range group {
		if results[i] == nil {
			results[i] = err
		}
		j.done <- results[i]
	}
}

// runAlone runs the one job of a transaction, which is undone with it.
func runAlone(t *Tx, j *job) (err error) {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("store: a write panicked: %v\n%s", r, debug.Stack())
		}
	}()
	return j.f(t)
}

// runJob runs one of several jobs, in a savepoint of its own.
func runJob(ctx context.Context, t *Tx, j *job) (err error) {
	if err := j.ctx.Err(); err != nil {
		return err
	}
	if _, err := t.ExecContext(ctx, "SAVEPOINT job"); err != nil {
		return fmt.Errorf("beginning to write: %w", err)
	}
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("store: a write panicked: %v\n%s", r, debug.Stack())
		}
		if err != nil {
			if _, e := t.ExecContext(ctx, "ROLLBACK TO job"); e != nil {
				err = errors.Join(err, e)
			}
		}
		if _, e := t.ExecContext(ctx, "RELEASE job"); e != nil {
			err = errors.Join(err, e)
		}
	}()
	return j.f(t)
}
