package audit

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	_ "modernc.org/sqlite"
)

// database is a fresh database of one engine with the audit schema.
type database struct {
	*sql.DB
	dialect Dialect
	log     *Log
	key     Key
}

// onBothEngines runs a test against real SQLite and real PostgreSQL.
func onBothEngines(t *testing.T, test func(t *testing.T, db *database)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) { test(t, openSQLite(t)) })
	t.Run("postgres", func(t *testing.T) { test(t, openPostgres(t)) })
}

func openSQLite(t testing.TB) *database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "audit.db")
	db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)&_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	return prepare(t, db, SQLite)
}

func openPostgres(t testing.TB) *database {
	t.Helper()
	dsn := os.Getenv("GATEHOUSE_TEST_POSTGRES")
	if dsn == "" {
		if os.Getenv("GATEHOUSE_REQUIRE_COMPONENTS") == "1" {
			t.Fatal("GATEHOUSE_TEST_POSTGRES is not set, and GATEHOUSE_REQUIRE_COMPONENTS=1")
		}
		t.Skip("GATEHOUSE_TEST_POSTGRES is not set")
	}
	admin, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	name := fmt.Sprintf("gatehouse_audit_%d", rand.Uint64())
	if _, err := admin.Exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("creating a test database: %v", err)
	}
	t.Cleanup(func() {
		if _, err := admin.Exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("dropping the test database: %v", err)
		}
		if err := admin.Close(); err != nil {
			t.Error(err)
		}
	})
	db, err := sql.Open("pgx", withDatabase(t, dsn, name))
	if err != nil {
		t.Fatal(err)
	}
	return prepare(t, db, Postgres)
}

// withDatabase names another database in a DSN of either form.
func withDatabase(t testing.TB, dsn, name string) string {
	t.Helper()
	if !strings.Contains(dsn, "://") {
		return dsn + " dbname=" + name
	}
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal("GATEHOUSE_TEST_POSTGRES is not a DSN")
	}
	u.Path = "/" + name
	return u.String()
}

func prepare(t testing.TB, db *sql.DB, dialect Dialect) *database {
	t.Helper()
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	migration, err := os.ReadFile("../store/migrations/00002_audit.sql")
	if err != nil {
		t.Fatal(err)
	}
	provider, err := goose.NewProvider(goose.Dialect(dialect), db, fstest.MapFS{"00002_audit.sql": {Data: migration}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := provider.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	key, err := LoadOrCreateKey(filepath.Join(t.TempDir(), "audit.key"), "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return &database{DB: db, dialect: dialect, log: NewLog(dialect), key: key}
}

func (db *database) sealer() *Sealer {
	return &Sealer{DB: db.DB, Dialect: db.dialect, Key: db.key}
}

// settle waits, on PostgreSQL, until the transactions that other tests have under way
// in databases of the same cluster at this moment are over: the sealer waits for them
// as for any older one.
func (db *database) settle(t testing.TB) {
	t.Helper()
	if db.log.dialect != Postgres {
		return
	}
	const running = `SELECT COALESCE(string_agg(pid || ':' || backend_xid::text, ','), '') FROM pg_stat_activity
		WHERE datname <> current_database() AND backend_xid IS NOT NULL`
	var before string
	if err := db.QueryRow(running).Scan(&before); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(5 * time.Millisecond) {
		var now string
		if err := db.QueryRow(running).Scan(&now); err != nil {
			t.Fatal(err)
		}
		left := false
		for _, tx := range strings.Split(before, ",") {
			left = left || tx != "" && strings.Contains(","+now+",", ","+tx+",")
		}
		if !left {
			return
		}
	}
	t.Fatal("transactions of other databases run for too long")
}

func (db *database) seal(t testing.TB) int {
	t.Helper()
	db.settle(t)
	n, err := db.sealer().Seal(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// unsealed counts the events that wait for a sealer.
func (db *database) unsealed(t testing.TB) int {
	t.Helper()
	var n int
	if err := db.QueryRow(`SELECT COUNT(*) FROM audit_event e WHERE NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func (db *database) exec(t testing.TB, query string, args ...any) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// append writes events in a transaction of their own.
func (db *database) append(t testing.TB, events ...Event) {
	t.Helper()
	if err := db.appendIn(t.Context(), events...); err != nil {
		t.Fatal(err)
	}
}

func (db *database) appendIn(ctx context.Context, events ...Event) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := db.log.Append(ctx, tx, events...); err != nil {
		_ = tx.Rollback()
		return err
	}
	return tx.Commit()
}

const testWorkspace = "ws_1"

var testTime = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// testEvent is the n-th event of a test: Ann creates a team.
func testEvent(n int) Event {
	return Event{
		ID: fmt.Sprintf("evt_%06d", n), Workspace: testWorkspace, Time: testTime.Add(time.Duration(n) * time.Second),
		Actor: Actor{Kind: "member", ID: "mem_1", Key: "ann@example.com"},
		Door:  DoorREST, Action: "team.created", Effect: EffectNeutral,
		Target: Target{Kind: "team", ID: fmt.Sprintf("team_%d", n), Key: fmt.Sprintf("team-%d", n)},
		After:  []byte(fmt.Sprintf(`{"name":"Team %d"}`, n)),
		IP:     "192.0.2.7", Device: "ExampleBrowser/1.0", RequestID: fmt.Sprintf("req_%d", n),
	}
}

func testEvents(n int) []Event {
	events := make([]Event, n)
	for i := range events {
		events[i] = testEvent(i + 1)
	}
	return events
}
