package audit

import (
	"context"
	"database/sql"
	"fmt"
)

// Dialect names the SQL engine behind a database handle. Almost every statement
// here is one text for both; the exceptions are in this file, in append.go
// (the position column) and in trigger.go.
type Dialect string

// The engines. The values are those that goose uses.
const (
	SQLite   Dialect = "sqlite3"
	Postgres Dialect = "postgres"
)

// ParseDialect accepts the spellings in use for the two engines.
func ParseDialect(s string) (Dialect, error) {
	switch s {
	case "sqlite3", "sqlite":
		return SQLite, nil
	case "postgres", "postgresql", "pgx":
		return Postgres, nil
	}
	return "", fmt.Errorf("unknown SQL dialect %q: want sqlite or postgres", s)
}

// Tx is what the audit log needs of a transaction; *sql.Tx, *sql.Conn and
// *sql.DB satisfy it.
type Tx interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

var (
	_ Tx = (*sql.DB)(nil)
	_ Tx = (*sql.Conn)(nil)
	_ Tx = (*sql.Tx)(nil)
)

// xidExpression gives each inserted row its position for the sealer.
//
// PostgreSQL: the 64-bit id of the inserting transaction, so that the sealer can
// wait for every older one to end. SQLite has one writer, so a counter taken
// inside the statement is already in commit order; it also looks at the sealer's
// own position, in case the newest events were ever removed.
func (d Dialect) xidExpression() string {
	if d == Postgres {
		return "CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)"
	}
	return "(SELECT 1 + MAX(COALESCE((SELECT MAX(xid) FROM audit_event), 0), COALESCE((SELECT MAX(xid) FROM audit_seal), 0)))"
}
