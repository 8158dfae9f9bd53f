package audit

import (
	"errors"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/note"
)

func verify(t *testing.T, db *database, witnessed ...[]byte) Report {
	t.Helper()
	report, err := Verify(t.Context(), db, testWorkspace, note.VerifierList(db.key.Verifier), witnessed...)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func verifyOK(t *testing.T, db *database) Report {
	t.Helper()
	report := verify(t, db)
	if !report.OK() {
		t.Errorf("the log is not intact: %+v", report.Problems)
	}
	return report
}

func (r Report) has(kind ProblemKind, event string) bool {
	for _, p := range r.Problems {
		if p.Kind == kind && p.Event == event {
			return true
		}
	}
	return false
}

// sealInSteps writes ten events under four checkpoints.
func sealInSteps(t *testing.T, db *database) {
	t.Helper()
	events := testEvents(10)
	for _, step := range [][2]int{{0, 1}, {1, 4}, {4, 5}, {5, 10}} {
		db.append(t, events[step[0]:step[1]]...)
		if n := db.seal(t); n != step[1]-step[0] {
			t.Fatalf("sealed %d events, want %d", n, step[1]-step[0])
		}
	}
}

func TestIntactLogVerifies(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		db.append(t, testEvent(11))
		report := verifyOK(t, db)
		if report.Events != 10 || report.Checkpoints != 4 || report.Unsealed != 1 {
			t.Errorf("report %+v, want 10 events, 4 checkpoints, 1 unsealed", report)
		}
		c, err := OpenCheckpoint([]byte(report.Checkpoint), note.VerifierList(db.key.Verifier))
		if err != nil || c.Size != 10 || c.Root.String() != report.Root {
			t.Errorf("checkpoint %+v, %v; want size 10 and root %s", c, err, report.Root)
		}
		if !report.First.Equal(testEvent(1).Time) || !report.Last.Equal(testEvent(10).Time) {
			t.Errorf("period %v to %v", report.First, report.Last)
		}
	})
}

func TestEmptyLogVerifies(t *testing.T) {
	db := openSQLite(t)
	if report := verifyOK(t, db); report.Events != 0 {
		t.Errorf("report %+v", report)
	}
}

func TestTamperingIsFound(t *testing.T) {
	stranger, err := LoadOrCreateKey(t.TempDir()+"/key", "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	// Each case does to the tables what someone with the database, but without
	// the key, could do.
	cases := map[string]struct {
		tamper func(t *testing.T, db *database)
		want   ProblemKind
		event  string
	}{
		"a row altered": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_event SET effect = 'narrowed' WHERE id = 'evt_000004'")
		}, EventAltered, "evt_000004"},
		"a row altered and its leaf too": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_event SET effect = 'narrowed' WHERE id = 'evt_000004'")
			reseal(t, db, "evt_000004")
		}, CheckpointMismatch, ""},
		"a row moved to another workspace": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_event SET workspace_id = 'ws_2' WHERE id = 'evt_000004'")
		}, EventAltered, "evt_000004"},
		"a row deleted": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_event WHERE id = 'evt_000007'")
		}, EventMissing, "evt_000007"},
		"a row deleted with its leaf": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_event WHERE id = 'evt_000007'")
			db.exec(t, "DELETE FROM audit_leaf WHERE event_id = 'evt_000007'")
		}, LeafMissing, ""},
		"a row deleted and the gap closed": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_event WHERE id = 'evt_000007'")
			db.exec(t, "DELETE FROM audit_leaf WHERE event_id = 'evt_000007'")
			for seq := 8; seq <= 10; seq++ {
				db.exec(t, "UPDATE audit_leaf SET seq = $1 WHERE seq = $2", seq-1, seq)
			}
		}, LogTruncated, ""},
		"two rows reordered": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_leaf SET seq = -3 WHERE seq = 3")
			db.exec(t, "UPDATE audit_leaf SET seq = 3 WHERE seq = 8")
			db.exec(t, "UPDATE audit_leaf SET seq = 8 WHERE seq = -3")
		}, CheckpointMismatch, ""},
		"the end cut off": {func(t *testing.T, db *database) {
			for _, id := range []string{"evt_000009", "evt_000010"} {
				db.exec(t, "DELETE FROM audit_event WHERE id = $1", id)
				db.exec(t, "DELETE FROM audit_leaf WHERE event_id = $1", id)
			}
		}, LogTruncated, ""},
		"everything deleted but the checkpoints": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_event")
			db.exec(t, "DELETE FROM audit_leaf")
		}, LogTruncated, ""},
		"the last checkpoint deleted": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_checkpoint WHERE size = 10")
		}, LogNotSigned, ""},
		"a checkpoint signed by another key": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_checkpoint WHERE size = 5")
			forge(t, db, stranger, Checkpoint{Workspace: testWorkspace, Size: 5, Time: testTime})
		}, CheckpointForged, ""},
		"a checkpoint's signature moved to other text": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_checkpoint SET signed_note = (SELECT signed_note FROM audit_checkpoint WHERE size = 4) WHERE size = 5")
		}, CheckpointForged, ""},
		"a checkpoint's column altered": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_checkpoint SET root = (SELECT c.root FROM audit_checkpoint c WHERE c.size = 4) WHERE size = 5")
		}, CheckpointForged, ""},
		"the checkpoint of another workspace": {func(t *testing.T, db *database) {
			other := testEvent(50)
			other.Workspace = "ws_2"
			db.append(t, other)
			db.seal(t)
			db.exec(t, "DELETE FROM audit_checkpoint WHERE workspace_id = $1 AND size = 1", testWorkspace)
			db.exec(t, "UPDATE audit_checkpoint SET workspace_id = $1 WHERE workspace_id = 'ws_2'", testWorkspace)
		}, CheckpointForged, ""},
		"a hash of the tree altered": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_hash SET hash = (SELECT h.hash FROM audit_hash h WHERE h.level = 1 AND h.node = 0) WHERE level = 2 AND node = 1")
		}, HashAltered, ""},
		"a hash of the tree deleted": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_hash WHERE level = 2 AND node = 1")
		}, HashAltered, ""},
		"a leaf that is not a hash": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_leaf SET leaf_hash = 'x' WHERE seq = 2")
		}, HashAltered, "evt_000002"},
		"a row slipped in behind the sealer": {func(t *testing.T, db *database) {
			db.append(t, testEvent(99))
			db.exec(t, "UPDATE audit_event SET xid = 0 WHERE id = 'evt_000099'")
		}, EventNeverSealed, "evt_000099"},
		"another name put under a pseudonym": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_subject SET person = 'eve@example.com'")
		}, PersonAltered, "evt_000001"},
		"a pseudonym deleted": {func(t *testing.T, db *database) {
			db.exec(t, "DELETE FROM audit_subject")
		}, PersonAltered, "evt_000001"},
		"a leaf far away": {func(t *testing.T, db *database) {
			db.exec(t, "UPDATE audit_leaf SET seq = 9000000000000000000 WHERE seq = 10")
		}, LeafMissing, ""},
	}
	for engine, open := range map[string]func(testing.TB) *database{"sqlite": openSQLite, "postgres": openPostgres} {
		for name, c := range cases {
			t.Run(engine+"/"+name, func(t *testing.T) {
				db := open(t)
				sealInSteps(t, db)
				c.tamper(t, db)
				report := verify(t, db)
				if !report.has(c.want, c.event) {
					t.Errorf("problems %+v, want %s of %q", report.Problems, c.want, c.event)
				}
			})
		}
	}
}

// reseal makes the leaf hash and the hashes above it fit an altered row again.
func reseal(t *testing.T, db *database, id string) {
	t.Helper()
	stored, err := scanRecords(t.Context(), db, selectRecords+" WHERE e.id = $1", []any{id})
	if err != nil {
		t.Fatal(err)
	}
	db.exec(t, "UPDATE audit_leaf SET leaf_hash = $1 WHERE event_id = $2", stored[0].LeafHash().String(), id)
	db.exec(t, "DELETE FROM audit_hash")
	report := verify(t, db) // tells which hashes are missing, which is not enough to sign
	if !report.has(CheckpointMismatch, "") {
		t.Errorf("problems %+v", report.Problems)
	}
}

func forge(t *testing.T, db *database, key Key, c Checkpoint) {
	t.Helper()
	signed, err := c.Sign(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	db.exec(t, "INSERT INTO audit_checkpoint (workspace_id, size, root, signed_note, sealed_at) VALUES ($1, $2, $3, $4, $5)",
		c.Workspace, c.Size, c.Root.String(), string(signed), c.Time.UnixMicro())
}

func TestWitnessFindsWhatTheDatabaseForgot(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		witnessed, err := LatestCheckpoint(t.Context(), db, testWorkspace)
		if err != nil {
			t.Fatal(err)
		}
		earlier, err := CheckpointAt(t.Context(), db, testWorkspace, 4)
		if err != nil {
			t.Fatal(err)
		}
		if report := verify(t, db, witnessed, earlier); !report.OK() {
			t.Fatalf("problems %+v in an intact log", report.Problems)
		}
		// Cut off the end with its checkpoint: without a witness, nothing is left
		// that could tell.
		db.exec(t, "DELETE FROM audit_event WHERE id > 'evt_000005'")
		db.exec(t, "DELETE FROM audit_leaf WHERE seq > 5")
		db.exec(t, "DELETE FROM audit_checkpoint WHERE size > 5")
		db.exec(t, "DELETE FROM audit_hash WHERE (node + 1) * CASE level WHEN 1 THEN 2 WHEN 2 THEN 4 ELSE 8 END > 5")
		verifyOK(t, db)
		if report := verify(t, db, earlier, witnessed); !report.has(WitnessContradicted, "") || report.ProblemCount != 1 {
			t.Errorf("problems %+v, want exactly one contradiction", report.Problems)
		}
	})
}

func TestAnotherNameIsNeverShown(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		db.append(t, testEvent(1))
		db.exec(t, "UPDATE audit_subject SET person = 'eve@example.com'")
		got, err := db.log.Get(t.Context(), db, testWorkspace, "evt_000001")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(got.Actor.Key, "person:") || !strings.HasPrefix(got.IP, "person:") {
			t.Errorf("actor %q, IP %q; want the bare pseudonym", got.Actor.Key, got.IP)
		}
		eve := testEvent(2)
		eve.Actor.Key = "eve@example.com"
		if err := db.log.Append(t.Context(), db, eve); !errors.Is(err, ErrInconsistent) {
			t.Errorf("writing as eve: error %v, want ErrInconsistent", err)
		}
	})
}

func TestManyLeavesVerifyInPages(t *testing.T) {
	db := openSQLite(t)
	var events []Event
	for i := range 2*verifyBatch + 137 {
		e := testEvent(i + 1)
		e.Before, e.After = nil, nil
		events = append(events, e)
	}
	db.append(t, events[:700]...)
	db.seal(t)
	db.append(t, events[700:]...)
	db.seal(t)
	if report := verifyOK(t, db); report.Events != int64(len(events)) {
		t.Errorf("%d events verified, want %d", report.Events, len(events))
	}
	db.exec(t, "UPDATE audit_event SET request_id = 'x' WHERE id = 'evt_002001'")
	if report := verify(t, db); !report.has(EventAltered, "evt_002001") || report.ProblemCount != 1 {
		t.Errorf("problems %+v, want one", report.Problems)
	}
}

func TestSealerSignsNothingOverARewrittenLog(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		db.exec(t, "DELETE FROM audit_event WHERE id > 'evt_000008'")
		db.exec(t, "DELETE FROM audit_leaf WHERE seq > 8")
		other := testEvent(21)
		other.Workspace = "ws_2"
		db.append(t, testEvent(20), other)
		db.settle(t)
		n, err := db.sealer().Seal(t.Context())
		if n != 2 || err == nil || !strings.Contains(err.Error(), "not signed any further") {
			t.Errorf("sealed %d, error %v; want 2 and a refusal to sign", n, err)
		}
		if report := verify(t, db); report.OK() {
			t.Error("the rewritten log verifies")
		}
		if _, err := LatestCheckpoint(t.Context(), db, "ws_2"); err != nil {
			t.Errorf("the other workspace was not sealed: %v", err)
		}
	})
}
