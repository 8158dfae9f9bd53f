package audit

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"
)

func TestConcurrentAppendsAndSealersLoseNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		const writers, each = 6, 40
		ctx, stop := context.WithCancel(t.Context())
		var sealers, appending sync.WaitGroup
		for range 2 {
			sealers.Go(func() {
				sealer := db.sealer()
				sealer.Interval = 2 * time.Millisecond
				sealer.Run(ctx)
			})
		}
		errs := make(chan error, writers*each)
		for w := range writers {
			appending.Go(func() {
				for i := range each {
					e := testEvent(w*each + i)
					e.Actor.Key = fmt.Sprintf("p%d@example.com", i%9)
					if i%5 == 0 {
						e.Workspace = "ws_2"
					}
					errs <- db.appendIn(t.Context(), e)
				}
			})
		}
		appending.Wait()
		close(errs)
		for err := range errs {
			if err != nil {
				t.Error(err)
			}
		}
		stop()
		sealers.Wait()
		// What a lock kept the sealers' last runs from; the server notices some time
		// after it that a stopped sealer has let go of the lock.
		for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			if db.seal(t); db.unsealed(t) == 0 {
				break
			}
		}
		total := int64(0)
		for _, workspace := range []string{testWorkspace, "ws_2"} {
			report, err := Verify(t.Context(), db, workspace, note.VerifierList(db.key.Verifier))
			if err != nil {
				t.Fatal(err)
			}
			if !report.OK() || report.Unsealed != 0 {
				t.Errorf("%s: %+v", workspace, report)
			}
			total += report.Events
		}
		if total != writers*each {
			t.Errorf("%d events sealed, want %d", total, writers*each)
		}
	})
}

func TestEventOfALongTransactionIsSealedAfterIt(t *testing.T) {
	db := openPostgres(t)
	long, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	// The older transaction writes first and commits last.
	if err := db.log.Append(t.Context(), long, testEvent(1)); err != nil {
		t.Fatal(err)
	}
	other := testEvent(2)
	other.Actor.Key = "bob@example.com"
	db.append(t, other)
	if n := db.seal(t); n != 0 {
		t.Fatalf("sealed %d events while an older transaction runs, want 0", n)
	}
	if err := long.Commit(); err != nil {
		t.Fatal(err)
	}
	if n := db.seal(t); n != 2 {
		t.Fatalf("sealed %d events, want 2", n)
	}
	verifyOK(t, db)
}

func TestOneSealerAtATime(t *testing.T) {
	db := openPostgres(t)
	db.append(t, testEvent(1))
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("SELECT pg_advisory_xact_lock($1)", int64(sealLock)); err != nil {
		t.Fatal(err)
	}
	if n := db.seal(t); n != 0 {
		t.Errorf("sealed %d events beside another sealer, want 0", n)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if n := db.seal(t); n != 1 {
		t.Errorf("sealed %d events, want 1", n)
	}
}

func TestSealingGoesOnAfterARestoreIntoAnotherCluster(t *testing.T) {
	db := openPostgres(t)
	sealInSteps(t, db)
	db.append(t, testEvent(11))
	// A dump carries the old cluster's transaction ids: those of the events and
	// the sealer's position are far ahead of the new cluster.
	db.exec(t, "UPDATE audit_event SET xid = xid + 1000000000")
	db.exec(t, "UPDATE audit_seal SET xid = xid + 1000000000")
	db.append(t, testEvent(12))
	if n := db.seal(t); n != 2 {
		t.Errorf("sealed %d events, want the one from before and the one from after", n)
	}
	db.append(t, testEvent(13))
	if n := db.seal(t); n != 1 {
		t.Errorf("sealed %d events, want 1", n)
	}
	if report := verifyOK(t, db); report.Events != 13 || report.Unsealed != 0 {
		t.Errorf("report %+v, want 13 events", report)
	}
}

func TestBacklogIsSealedInBatches(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		events := testEvents(sealBatch + 7)
		db.append(t, events...)
		if n := db.seal(t); n != len(events) {
			t.Errorf("sealed %d events, want %d", n, len(events))
		}
		if report := verifyOK(t, db); report.Checkpoints != 2 {
			t.Errorf("%d checkpoints, want 2", report.Checkpoints)
		}
	})
}

func TestIdleSealerWritesNothing(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		db.append(t, testEvent(1))
		db.seal(t)
		var before, after int
		if err := db.QueryRow("SELECT runs FROM audit_seal").Scan(&before); err != nil {
			t.Fatal(err)
		}
		db.seal(t)
		if err := db.QueryRow("SELECT runs FROM audit_seal").Scan(&after); err != nil {
			t.Fatal(err)
		}
		if before != after {
			t.Errorf("the idle sealer wrote: %d runs, then %d", before, after)
		}
	})
}

func TestRunSealsOnceMoreWhenStopped(t *testing.T) {
	db := openSQLite(t)
	db.append(t, testEvent(1))
	ctx, stop := context.WithCancel(t.Context())
	stop()
	sealer := db.sealer()
	sealer.Interval = time.Hour
	sealer.Run(ctx)
	if report := verifyOK(t, db); report.Events != 1 {
		t.Errorf("%d events sealed, want 1", report.Events)
	}
}

func TestRetiredKeyStaysValid(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		retired := db.key
		fresh, err := LoadOrCreateKey(t.TempDir()+"/key", "audit2.example.com")
		if err != nil {
			t.Fatal(err)
		}
		db.append(t, testEvent(11))
		sealer := &Sealer{DB: db.DB, Dialect: db.dialect, Key: fresh, Retired: []note.Verifier{retired.Verifier}}
		db.settle(t)
		if _, err := sealer.Seal(t.Context()); err != nil {
			t.Fatal(err)
		}
		both, err := Verify(t.Context(), db, testWorkspace, note.VerifierList(retired.Verifier, fresh.Verifier))
		if err != nil || !both.OK() {
			t.Errorf("with both keys: %+v, %v", both.Problems, err)
		}
		one, err := Verify(t.Context(), db, testWorkspace, note.VerifierList(fresh.Verifier))
		if err != nil || !one.has(CheckpointForged, "") {
			t.Errorf("without the retired key: %+v, %v", one.Problems, err)
		}
	})
}
