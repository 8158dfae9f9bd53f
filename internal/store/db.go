package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // database/sql driver "pgx"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	sqlite "modernc.org/sqlite"
)

// Dialect names the engine behind a DB.
type Dialect string

// Engines.
const (
	SQLite   Dialect = "sqlite"
	Postgres Dialect = "postgres"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Migrations gives the schema's migration files.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return sub
}

// ErrRollback makes Write undo everything and return nil to its caller: it is how a
// dry run leaves nothing behind.
var ErrRollback = errors.New("store: roll back")

// DB is one database with a pool that reads and, on SQLite, one connection that writes.
type DB struct {
	dialect Dialect
	reader  *sql.DB
	writer  *sql.DB
	jobs    chan *job
	done    chan struct{}
	stop    sync.Once

	readStatements statements
	prepared       sync.Map // every text that SQLite prepared: tests look at its plan
}

// Open opens a database and brings its schema up to date. dsn is a postgres:// URL
// or the path of a SQLite file, which is created with its folder when missing.
func Open(ctx context.Context, dsn string) (*DB, error) {
	db := &DB{done: make(chan struct{})}
	var err error
	if strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://") {
		err = db.openPostgres(dsn)
	} else {
		err = db.openSQLite(dsn)
	}
	if err != nil {
		return nil, err
	}
	if err := db.migrate(ctx); err != nil {
		close(db.done) // nothing writes yet: there is nobody that Close could wait for
		return nil, errors.Join(err, db.Close())
	}
	if db.dialect == SQLite {
		db.jobs = make(chan *job, 256)
		go db.writeLoop()
	} else {
		close(db.done)
	}
	return db, nil
}

func (db *DB) openPostgres(dsn string) error {
	db.dialect = Postgres
	pool, err := sql.Open("pgx", dsn)
	if err != nil {
		return fmt.Errorf("opening PostgreSQL: %w", err)
	}
	pool.SetMaxOpenConns(24)
	pool.SetMaxIdleConns(24)
	pool.SetConnMaxIdleTime(5 * time.Minute)
	db.reader, db.writer = pool, pool
	return nil
}

func (db *DB) openSQLite(path string) error {
	db.dialect = SQLite
	path = strings.TrimPrefix(path, "sqlite://")
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("making the data folder: %w", err)
	}
	// Pragmas travel in the DSN so that every pooled connection has them.
	common := "file:" + path + "?_pragma=busy_timeout(10000)&_pragma=foreign_keys(1)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_pragma=temp_store(MEMORY)&_pragma=cache_size(-32000)"
	writer, err := sql.Open("sqlite", common+"&_txlock=immediate")
	if err != nil {
		return fmt.Errorf("opening SQLite: %w", err)
	}
	// One connection is the write loop's; the other serves jobs that manage their
	// own transactions (SQL), which SQLite queues behind it.
	writer.SetMaxOpenConns(2)
	reader, err := sql.Open("sqlite", common+"&_pragma=query_only(1)")
	if err != nil {
		return fmt.Errorf("opening SQLite: %w", err)
	}
	reader.SetMaxOpenConns(8)
	reader.SetMaxIdleConns(8)
	db.reader, db.writer = reader, writer
	return nil
}

// migrate applies the schema. Programs that start together on one database wait for
// each other.
func (db *DB) migrate(ctx context.Context) error {
	dialect := database.DialectSQLite3
	conn := db.writer
	if db.dialect == Postgres {
		dialect = database.DialectPostgres
		lock, err := db.writer.Conn(ctx)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		defer func() { _ = lock.Close() }()
		const key = 7_203_115_001 // any constant: the migrations of this program
		if _, err := lock.ExecContext(ctx, `SELECT pg_advisory_lock($1)`, int64(key)); err != nil {
			return fmt.Errorf("waiting for another replica's migration: %w", err)
		}
		defer func() {
			_, _ = lock.ExecContext(context.WithoutCancel(ctx), `SELECT pg_advisory_unlock($1)`, int64(key))
		}()
	}
	p, err := goose.NewProvider(dialect, conn, Migrations())
	if err != nil {
		return fmt.Errorf("reading migrations: %w", err)
	}
	if db.dialect == SQLite {
		return migrateFile(ctx, p)
	}
	if _, err := p.Up(ctx); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	if _, err := conn.ExecContext(ctx, byteOrder); err != nil {
		return fmt.Errorf("setting the order of keys: %w", err)
	}
	return nil
}

// migrateFile applies the schema of a SQLite file, which has no lock for the whole of
// it: a server and a command that start together meet at a table that the other one
// has just made. Who loses looks again, and gives up when nobody gets any further.
func migrateFile(ctx context.Context, p *goose.Provider) error {
	const patience = 20 // times 50 ms, counted anew whenever the schema has grown
	reached := int64(-1)
	for left := patience; ; left-- {
		_, err := p.Up(ctx)
		if err == nil {
			return nil
		}
		if version, e := p.GetDBVersion(ctx); e == nil && version > reached {
			reached, left = version, patience
		}
		if left == 0 || ctx.Err() != nil {
			return fmt.Errorf("migrating: %w", err)
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// byteOrder makes PostgreSQL compare text as SQLite does, byte by byte, whatever the
// locale of the cluster is: pages follow keys, and what lies below a path is a range.
const byteOrder = `DO $$
DECLARE c record;
BEGIN
	FOR c IN SELECT table_name, column_name FROM information_schema.columns
		WHERE table_schema = current_schema() AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' LOOP
		EXECUTE format('ALTER TABLE %I ALTER COLUMN %I TYPE text COLLATE "C"', c.table_name, c.column_name);
	END LOOP;
END $$`

// Dialect says which engine is behind the database.
func (db *DB) Dialect() Dialect { return db.dialect }

// SQL gives the pool that can write, for jobs that manage their own transactions
// (sealing). Use-cases use Write.
func (db *DB) SQL() *sql.DB { return db.writer }

// Ping answers whether the database can be reached.
func (db *DB) Ping(ctx context.Context) error { return db.reader.PingContext(ctx) }

// Close waits for writes under way and closes the database.
func (db *DB) Close() error {
	db.stop.Do(func() {
		if db.jobs != nil {
			close(db.jobs)
		}
	})
	<-db.done
	if db.writer == db.reader {
		return db.reader.Close()
	}
	return errors.Join(db.reader.Close(), db.writer.Close())
}

// IsUnique reports whether an error is a violated unique constraint.
func IsUnique(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23505"
	}
	var lite *sqlite.Error
	if errors.As(err, &lite) {
		return lite.Code() == 2067 || lite.Code() == 1555 // SQLITE_CONSTRAINT_UNIQUE, _PRIMARYKEY
	}
	return false
}

// isRetryable reports whether PostgreSQL asks for the transaction to be tried again.
func isRetryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == "40001" || pg.Code == "40P01")
}
