package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// envCrash names the database that the child process writes to until it is killed.
const envCrash = "GATEHOUSE_TEST_CRASH_DSN"

// TestMain is the child process as well: it writes, two rows at a time, and says
// which writes were acknowledged.
func TestMain(m *testing.M) {
	if dsn := os.Getenv(envCrash); dsn != "" {
		if err := writeUntilKilled(dsn); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

func writeUntilKilled(dsn string) error {
	db, err := store.Open(ctx, dsn)
	if err != nil {
		return err
	}
	var say sync.Mutex
	failed := make(chan error)
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				key := fmt.Sprintf("p%d-w%d-%06d", os.Getpid(), w, i)
				err := db.Write(ctx, func(tx *store.Tx) error {
					return errors.Join(store.Objects.Insert(ctx, tx, row("ws_1", "team", key)), store.Objects.Insert(ctx, tx, row("ws_1", "role", key)))
				})
				if err != nil {
					failed <- err
					return
				}
				say.Lock()
				fmt.Println(key) // straight to the pipe: the parent has it or not
				say.Unlock()
			}
		}()
	}
	return <-failed
}

func TestNothingAcknowledgedIsLostWhenTheProcessIsKilled(t *testing.T) {
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			dsn := objecttest.DSN(t, dialect)
			acknowledged := map[string]bool{}
			for round := range 3 {
				for _, key := range killedWriter(t, dsn, 50*time.Millisecond<<round) {
					acknowledged[key] = true
				}
				checkSurvivors(t, dsn, acknowledged)
			}
		})
	}
}

// killedWriter runs the child, kills it while it writes, and answers what it said.
func killedWriter(t *testing.T, dsn string, life time.Duration) []string {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), envCrash+"="+dsn)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var keys []string
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // a line that was cut short was not said
		}
		// However slow the machine is, there is something to lose by then.
		if keys = append(keys, strings.TrimSpace(line)); len(keys) == 10 {
			time.AfterFunc(life, func() { _ = child.Process.Kill() }) // SIGKILL
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() != -1 {
		t.Fatalf("the child ended by itself: %v", err)
	}
	if len(keys) < 10 {
		t.Fatalf("the child acknowledged only %d writes", len(keys))
	}
	return keys
}

func checkSurvivors(t *testing.T, dsn string, acknowledged map[string]bool) {
	t.Helper()
	db, err := store.Open(ctx, dsn)
	if err != nil {
		t.Fatalf("opening after the kill: %v", err)
	}
	defer func() { _ = db.Close() }()
	found := map[string]map[string]bool{"team": {}, "role": {}}
	read(t, db, func(tx *store.Tx) error {
		for kind, keys := range found {
			for after := ""; ; {
				rows, err := store.Objects.List(ctx, tx, "ws_1", kind, after, 500)
				if err != nil {
					return err
				}
				for _, r := range rows {
					keys[r.Key] = true
					after = r.Key
				}
				if len(rows) < 500 {
					break
				}
			}
		}
		if tx.Dialect() == store.SQLite {
			var verdict string
			if err := tx.QueryRowContext(ctx, `PRAGMA integrity_check`).Scan(&verdict); err != nil || verdict != "ok" {
				t.Errorf("integrity: %q, %v", verdict, err)
			}
		}
		return nil
	})
	for key := range acknowledged {
		if !found["team"][key] || !found["role"][key] {
			t.Errorf("%s was acknowledged and is lost (team %v, role %v)", key, found["team"][key], found["role"][key])
		}
	}
	for key := range found["team"] {
		if !found["role"][key] {
			t.Errorf("half of the write %s is there", key)
		}
	}
	if len(found["team"]) != len(found["role"]) {
		t.Errorf("%d rows of one kind and %d of the other", len(found["team"]), len(found["role"]))
	}
	t.Logf("%d writes acknowledged, %d there", len(acknowledged), len(found["team"]))
}
