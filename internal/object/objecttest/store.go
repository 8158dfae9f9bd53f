package objecttest

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Environment of the tests; scripts/with-postgres sets the first.
const (
	envPostgres = "GATEHOUSE_TEST_POSTGRES"
	envRequired = "GATEHOUSE_REQUIRE_COMPONENTS"
)

// Dialects lists the engines that tests run on: SQLite, and PostgreSQL where a server
// is named. It fails when PostgreSQL is required and missing.
func Dialects(t testing.TB) []store.Dialect {
	t.Helper()
	if os.Getenv(envPostgres) != "" {
		return []store.Dialect{store.SQLite, store.Postgres}
	}
	if os.Getenv(envRequired) == "1" {
		t.Fatalf("%s is not set although %s=1: run the tests with scripts/with-postgres", envPostgres, envRequired)
	}
	return []store.Dialect{store.SQLite}
}

// DSN names a fresh database of the engine, with the schema and nothing in it, that
// lives as long as the test.
func DSN(t testing.TB, dialect store.Dialect) string {
	t.Helper()
	if dialect == store.SQLite {
		path := filepath.Join(t.TempDir(), "gatehouse.db")
		Lay(t, path)
		return path
	}
	return postgresDatabase(t, postgresTemplate(t))
}

// Empty names a database without a schema, for tests of what makes one.
func Empty(t testing.TB, dialect store.Dialect) string {
	t.Helper()
	if dialect == store.SQLite {
		return filepath.Join(t.TempDir(), "gatehouse.db")
	}
	return postgresDatabase(t, "")
}

// Lay makes a fresh SQLite database at a path: a copy of one that was migrated once
// for all tests of the process, because migrating is most of what a small test does.
func Lay(t testing.TB, path string) {
	t.Helper()
	file.once.Do(func() { file.content, file.err = migratedFile() })
	if file.err != nil {
		t.Fatalf("making the template database: %v", file.err)
	}
	if err := os.WriteFile(path, file.content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// file is the migrated SQLite database that is copied for each test of a process.
var file struct {
	once    sync.Once
	content []byte
	err     error
}

func migratedFile() (content []byte, err error) {
	folder, err := os.MkdirTemp("", "gatehouse-template-")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(folder)) }()
	path := filepath.Join(folder, "gatehouse.db")
	db, err := openWithTriggers(path)
	if err != nil {
		return nil, err
	}
	// The last connection that closes writes everything into the one file.
	if err := db.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// Open opens a fresh database with the schema and the audit log's triggers.
func Open(t testing.TB, dialect store.Dialect) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), DSN(t, dialect))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("closing the database: %v", err)
		}
	})
	return db
}

func openWithTriggers(dsn string) (*store.DB, error) {
	ctx := context.Background()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return nil, err
	}
	for _, statement := range audit.TriggerDDL(string(db.Dialect())) {
		if _, err := db.SQL().ExecContext(ctx, statement); err != nil {
			_ = db.Close()
			return nil, fmt.Errorf("making the audit log append-only: %w", err)
		}
	}
	return db, nil
}

// template is a migrated database that PostgreSQL copies for each test of a process.
var template struct {
	once sync.Once
	name string
	err  error
}

func postgresTemplate(t testing.TB) string {
	t.Helper()
	template.once.Do(func() {
		name := databaseName("template")
		if template.err = administer(`CREATE DATABASE ` + name); template.err != nil {
			return
		}
		db, err := openWithTriggers(postgresURL(name))
		if err != nil {
			template.err = err
			return
		}
		template.name, template.err = name, db.Close()
	})
	if template.err != nil {
		t.Fatalf("making the template database: %v", template.err)
	}
	return template.name
}

func postgresDatabase(t testing.TB, from string) string {
	t.Helper()
	name := databaseName("test")
	create := `CREATE DATABASE ` + name
	if from != "" {
		create += ` TEMPLATE ` + from
	}
	if err := administer(create); err != nil {
		t.Fatalf("creating a database: %v", err)
	}
	t.Cleanup(func() {
		if err := administer(`DROP DATABASE ` + name + ` WITH (FORCE)`); err != nil {
			t.Errorf("dropping the database: %v", err)
		}
	})
	return postgresURL(name)
}

func databaseName(purpose string) string {
	var b [8]byte
	_, _ = rand.Read(b[:])
	return "gatehouse_" + purpose + "_" + hex.EncodeToString(b[:])
}

func postgresURL(database string) string {
	u, err := url.Parse(os.Getenv(envPostgres))
	if err != nil {
		return ""
	}
	u.Path = "/" + database
	return u.String()
}

func administer(statement string) error {
	db, err := sql.Open("pgx", os.Getenv(envPostgres))
	if err != nil {
		return fmt.Errorf("opening PostgreSQL: %w", err)
	}
	defer func() { _ = db.Close() }()
	if _, err := db.ExecContext(context.Background(), statement); err != nil {
		return fmt.Errorf("administering PostgreSQL: %w", err)
	}
	return nil
}
