package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"sync"
	"time"
)

// querier is what statements run on: a *sql.Tx or the writer's *sql.Conn.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Tx is a transaction. On SQLite, where parsing a statement costs more than running
// it, statements are prepared once; pgx does the same by itself.
type Tx struct {
	q       querier
	prepare func(ctx context.Context, query string) *sql.Stmt // nil: not prepared here
	dialect Dialect
	// whole statements are not interrupted when the caller gives up; none is begun
	// afterwards. Being able to interrupt costs the driver a goroutine each.
	whole bool
}

// bound is the context of a statement.
func (t *Tx) bound(ctx context.Context) context.Context {
	if t.whole && ctx.Err() == nil {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// Dialect says which engine the transaction runs on.
func (t *Tx) Dialect() Dialect { return t.dialect }

func (t *Tx) stmt(ctx context.Context, query string) *sql.Stmt {
	if t.prepare == nil {
		return nil
	}
	return t.prepare(ctx, query)
}

// ExecContext runs a statement.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	ctx = t.bound(ctx)
	if s := t.stmt(ctx, query); s != nil { //nolint:sqlclosecheck // kept for the life of the connection
		return s.ExecContext(ctx, args...)
	}
	return t.q.ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	ctx = t.bound(ctx)
	if s := t.stmt(ctx, query); s != nil { //nolint:sqlclosecheck // kept for the life of the connection
		return s.QueryContext(ctx, args...)
	}
	return t.q.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	ctx = t.bound(ctx)
	if s := t.stmt(ctx, query); s != nil { //nolint:sqlclosecheck // kept for the life of the connection
		return s.QueryRowContext(ctx, args...)
	}
	return t.q.QueryRowContext(ctx, query, args...)
}

// statements caches prepared statements.
type statements struct {
	mu sync.RWMutex
	m  map[string]*sql.Stmt
	// preparing is held by whoever prepares one.
	preparing sync.Mutex
}

// maxStatements bounds the cache; texts beyond it (built filters) are not kept.
const maxStatements = 500

// get never waits for a statement: while somebody prepares one, others run their texts
// as they are. Whoever prepares may need a connection of the pool that they hold, and
// would wait for them.
func (c *statements) get(query string, prepare func() (*sql.Stmt, error)) *sql.Stmt {
	s, full := c.known(query) //nolint:sqlclosecheck // kept for the life of the connection
	if s != nil || full || !c.preparing.TryLock() {
		return s
	}
	defer c.preparing.Unlock()
	if s, _ := c.known(query); s != nil { //nolint:sqlclosecheck // kept for the life of the connection
		return s
	}
	// A text that cannot be prepared fails again, with its error, when it is run.
	s, err := prepare() //nolint:sqlclosecheck // kept for the life of the connection
	if err != nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.m == nil {
		c.m = map[string]*sql.Stmt{}
	}
	c.m[query] = s
	return s
}

func (c *statements) known(query string) (s *sql.Stmt, full bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.m[query], len(c.m) >= maxStatements
}

// soleBound is a LIMIT or an OFFSET that is a parameter and nothing else.
var soleBound = regexp.MustCompile(`\b(LIMIT|OFFSET) (\$\d+)`)

// planOnce is the text that SQLite is given to prepare. Where a parameter alone is the
// LIMIT, SQLite looks at its value to make a plan, and so makes a new one whenever the
// parameter is bound: parsing a page's statement cost four times as much as running it.
func planOnce(query string) string {
	return soleBound.ReplaceAllString(query, "$1 CAST($2 AS BIGINT)")
}

// Read runs f in a read-only transaction: one consistent view.
func (db *DB) Read(ctx context.Context, f func(*Tx) error) error {
	tx, err := db.beginRead(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	t := &Tx{q: tx, dialect: db.dialect}
	if db.dialect == SQLite {
		t.prepare = func(ctx context.Context, query string) *sql.Stmt { return db.preparedIn(ctx, tx, query) }
	}
	return f(t)
}

func (db *DB) beginRead(ctx context.Context) (*sql.Tx, error) {
	opts := &sql.TxOptions{ReadOnly: true}
	if db.dialect == Postgres {
		opts.Isolation = sql.LevelRepeatableRead
	}
	tx, err := db.reader.BeginTx(ctx, opts)
	if err != nil {
		return nil, fmt.Errorf("beginning to read: %w", err)
	}
	return tx, nil
}

func (db *DB) preparedIn(ctx context.Context, tx *sql.Tx, query string) *sql.Stmt {
	s := db.preparedToRead(ctx, query)
	if s == nil {
		return nil
	}
	return tx.StmtContext(ctx, s)
}

// preparedToRead is a statement for the pool that reads; nil when there is none.
func (db *DB) preparedToRead(ctx context.Context, query string) *sql.Stmt {
	return db.readStatements.get(query, func() (*sql.Stmt, error) {
		db.prepared.Store(query, true)
		return db.reader.PrepareContext(context.WithoutCancel(ctx), planOnce(query))
	})
}

// ReadRow runs one query for one row by itself: a fifth of the work of a transaction
// on SQLite, a third of its round trips on PostgreSQL. It is for rows found by a unique
// key; on SQLite nothing interrupts it, because being able to costs more than the query.
func (db *DB) ReadRow(ctx context.Context, query string, args []any, into ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.dialect == SQLite {
		ctx = context.WithoutCancel(ctx)
		if s := db.preparedToRead(ctx, query); s != nil { //nolint:sqlclosecheck // kept for the life of the pool
			return s.QueryRowContext(ctx, args...).Scan(into...)
		}
	}
	return db.reader.QueryRowContext(ctx, query, args...).Scan(into...)
}

// ReadLater runs f like Read, in a transaction that begins with f's first statement,
// so that an f without one costs nothing. begun runs first in it; its error is what
// that statement and all of f answer.
func (db *DB) ReadLater(ctx context.Context, begun, f func(*Tx) error) error {
	l := &later{db: db, ctx: ctx, begun: begun}
	defer l.end()
	t := &Tx{q: l, dialect: db.dialect}
	if db.dialect == SQLite {
		t.prepare = l.prepare
	}
	err := f(t)
	if l.err != nil {
		return l.err
	}
	return err
}

// later begins its transaction when it is first used.
type later struct {
	db    *DB
	ctx   context.Context //nolint:containedctx // lives as long as the call that it is of
	begun func(*Tx) error
	tx    *sql.Tx
	err   error
}

func (l *later) begin() (*sql.Tx, error) {
	if l.tx != nil || l.err != nil {
		return l.tx, l.err
	}
	if l.tx, l.err = l.db.beginRead(l.ctx); l.err != nil {
		return nil, l.err
	}
	t := &Tx{q: l.tx, dialect: l.db.dialect}
	if l.db.dialect == SQLite {
		t.prepare = func(ctx context.Context, query string) *sql.Stmt { return l.db.preparedIn(ctx, l.tx, query) }
	}
	l.err = l.begun(t)
	return l.tx, l.err
}

func (l *later) end() {
	if l.tx != nil {
		_ = l.tx.Rollback()
	}
}

func (l *later) prepare(ctx context.Context, query string) *sql.Stmt {
	tx, err := l.begin()
	if err != nil {
		return nil // and the statement itself answers the error
	}
	return l.db.preparedIn(ctx, tx, query)
}

// ExecContext runs a statement.
func (l *later) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	tx, err := l.begin()
	if err != nil {
		return nil, err
	}
	return tx.ExecContext(ctx, query, args...)
}

// QueryContext runs a query.
func (l *later) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	tx, err := l.begin()
	if err != nil {
		return nil, err
	}
	return tx.QueryContext(ctx, query, args...)
}

// QueryRowContext runs a query for one row.
func (l *later) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	tx, err := l.begin()
	if err != nil {
		// A row cannot be made with an error of ours; one of a context that has ended
		// can, and ReadLater answers the right one in the end.
		ended, cancel := context.WithCancel(ctx)
		cancel()
		return l.db.reader.QueryRowContext(ended, query, args...)
	}
	return tx.QueryRowContext(ctx, query, args...)
}

// Write runs f in a transaction and commits it when f returns nil. f may run more
// than once (PostgreSQL serialisation), so it must not have effects of its own.
// ErrRollback undoes everything and makes Write return nil.
func (db *DB) Write(ctx context.Context, f func(*Tx) error) error {
	var err error
	if db.dialect == SQLite {
		err = db.submit(ctx, f)
	} else {
		err = db.writePostgres(ctx, f)
	}
	if errors.Is(err, ErrRollback) {
		return nil
	}
	return err
}

func (db *DB) writePostgres(ctx context.Context, f func(*Tx) error) error {
	for attempt := 0; ; attempt++ {
		err := db.oncePostgres(ctx, f)
		if err == nil || !isRetryable(err) || attempt == 9 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(attempt+1) * 5 * time.Millisecond):
		}
	}
}

func (db *DB) oncePostgres(ctx context.Context, f func(*Tx) error) error {
	tx, err := db.writer.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("beginning to write: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	if err := f(&Tx{q: tx, dialect: db.dialect}); err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("committing: %w", err)
	}
	return nil
}

// job is one caller's write, waiting for the writer.
type job struct {
	ctx  context.Context
	f    func(*Tx) error
	done chan error
}

var errClosed = errors.New("store: closed")

func (db *DB) submit(ctx context.Context, f func(*Tx) error) (err error) {
	j := &job{ctx: ctx, f: f, done: make(chan error, 1)}
	defer func() {
		// Sending on the channel of a closed database.
		if r := recover(); r != nil {
			err = errClosed
		}
	}()
	select {
	case db.jobs <- j:
	case <-ctx.Done():
		return ctx.Err()
	}
	// Once queued, the answer is awaited even when the caller gives up: an
	// acknowledged write must never be reported as undone, nor the reverse.
	return <-j.done
}
