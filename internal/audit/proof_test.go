package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

func TestEveryProofVerifiesOffline(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		verifier, err := note.NewVerifier(db.key.Public)
		if err != nil {
			t.Fatal(err)
		}
		for seq := 1; seq <= 10; seq++ {
			proof, err := Prove(t.Context(), db, testWorkspace, fmt.Sprintf("evt_%06d", seq))
			if err != nil {
				t.Fatal(err)
			}
			// Through JSON, as a file would carry it.
			text, err := json.Marshal(proof)
			if err != nil {
				t.Fatal(err)
			}
			var read Proof
			if err := json.Unmarshal(text, &read); err != nil {
				t.Fatal(err)
			}
			record, checkpoint, err := read.Verify(note.VerifierList(verifier))
			if err != nil {
				t.Fatalf("event %d: %v", seq, err)
			}
			if record.TargetKey != fmt.Sprintf("team-%d", seq) || read.Index != int64(seq-1) || checkpoint.Size != 10 {
				t.Errorf("event %d: record %+v at %d of %d", seq, record, read.Index, checkpoint.Size)
			}
		}
	})
}

func TestAlteredProofDoesNotHold(t *testing.T) {
	db := openSQLite(t)
	sealInSteps(t, db)
	known := note.VerifierList(db.key.Verifier)
	stranger, err := LoadOrCreateKey(t.TempDir()+"/key", "audit.example.com")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := testEvent(50)
	elsewhere.Workspace = "ws_2"
	db.append(t, elsewhere)
	db.seal(t)
	other, err := LatestCheckpoint(t.Context(), db, "ws_2")
	if err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Proof){
		"event": func(p *Proof) {
			r, err := ParseLeaf(p.Event)
			if err != nil {
				t.Fatal(err)
			}
			r.Action = "team.deleted"
			p.Event = r.Leaf()
		},
		"event that is no leaf":  func(p *Proof) { p.Event = []byte("x") },
		"index":                  func(p *Proof) { p.Index++ },
		"index beyond":           func(p *Proof) { p.Index = 10 },
		"negative index":         func(p *Proof) { p.Index = -1 },
		"hash":                   func(p *Proof) { p.Hashes[0][0] ^= 1 },
		"hash missing":           func(p *Proof) { p.Hashes = p.Hashes[1:] },
		"too many hashes":        func(p *Proof) { p.Hashes = make([]tlog.Hash, 100) },
		"version":                func(p *Proof) { p.Version = 2 },
		"checkpoint of another":  func(p *Proof) { p.Checkpoint = string(other) },
		"checkpoint without key": func(p *Proof) { p.Checkpoint = "x" },
		"checkpoint forged": func(p *Proof) {
			forged, err := Checkpoint{Workspace: testWorkspace, Size: 1, Root: tlog.RecordHash(p.Event), Time: testTime}.Sign(stranger.Signer)
			if err != nil {
				t.Fatal(err)
			}
			p.Checkpoint, p.Index, p.Hashes = string(forged), 0, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			proof, err := Prove(t.Context(), db, testWorkspace, "evt_000004")
			if err != nil {
				t.Fatal(err)
			}
			spoil(&proof)
			if _, _, err := proof.Verify(known); !errors.Is(err, ErrProof) {
				t.Errorf("error %v, want ErrProof", err)
			}
		})
	}
}

func TestUnknownAndUnsealedEventsHaveNoProof(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		db.append(t, testEvent(1))
		if _, err := Prove(t.Context(), db, testWorkspace, "evt_000001"); !errors.Is(err, ErrNotSealed) {
			t.Errorf("error %v in a log without checkpoint, want ErrNotSealed", err)
		}
		db.seal(t)
		db.append(t, testEvent(2))
		if _, err := Prove(t.Context(), db, testWorkspace, "evt_000002"); !errors.Is(err, ErrNotSealed) {
			t.Errorf("error %v of an unsealed event, want ErrNotSealed", err)
		}
		if _, err := Prove(t.Context(), db, testWorkspace, "evt_000009"); !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v of an unknown event, want ErrNotFound", err)
		}
		if _, err := Prove(t.Context(), db, "ws_2", "evt_000001"); !errors.Is(err, ErrNotFound) {
			t.Errorf("error %v through another workspace, want ErrNotFound", err)
		}
	})
}

func TestCheckpointsAreConsistent(t *testing.T) {
	onBothEngines(t, func(t *testing.T, db *database) {
		sealInSteps(t, db)
		known := note.VerifierList(db.key.Verifier)
		sizes := []int64{1, 4, 5, 10}
		for i, oldSize := range sizes {
			for _, newSize := range sizes[i:] {
				proof, err := ConsistencyProof(t.Context(), db, testWorkspace, oldSize, newSize)
				if err != nil {
					t.Fatal(err)
				}
				earlier, err := CheckpointAt(t.Context(), db, testWorkspace, oldSize)
				if err != nil {
					t.Fatal(err)
				}
				later, err := CheckpointAt(t.Context(), db, testWorkspace, newSize)
				if err != nil {
					t.Fatal(err)
				}
				if err := CheckConsistency(earlier, later, proof, known); err != nil {
					t.Errorf("%d to %d: %v", oldSize, newSize, err)
				}
				if len(proof) > 0 {
					spoiled := slices.Clone(proof)
					spoiled[0][0] ^= 1
					if err := CheckConsistency(earlier, later, spoiled, known); !errors.Is(err, ErrInconsistent) {
						t.Errorf("%d to %d with an altered proof: %v", oldSize, newSize, err)
					}
				}
				if oldSize < newSize {
					if err := CheckConsistency(later, earlier, proof, known); !errors.Is(err, ErrInconsistent) {
						t.Errorf("a log that shrank from %d to %d: %v", newSize, oldSize, err)
					}
				}
			}
		}
		for _, wrong := range [][2]int64{{0, 4}, {5, 4}, {4, 11}} {
			if _, err := ConsistencyProof(t.Context(), db, testWorkspace, wrong[0], wrong[1]); !errors.Is(err, ErrSizes) {
				t.Errorf("%v: error %v, want ErrSizes", wrong, err)
			}
		}
	})
}

func TestRewrittenHistoryIsInconsistent(t *testing.T) {
	// Even with the key: an operator who signs another history cannot make it
	// consistent with a checkpoint that a witness holds.
	honest, rewritten := openSQLite(t), openSQLite(t)
	rewritten.key = honest.key
	sealInSteps(t, honest)
	witnessed, err := LatestCheckpoint(t.Context(), honest, testWorkspace)
	if err != nil {
		t.Fatal(err)
	}
	events := testEvents(12)
	events[3].Action = "team.updated"
	rewritten.append(t, events...)
	rewritten.seal(t)
	current, err := LatestCheckpoint(t.Context(), rewritten, testWorkspace)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := ConsistencyProof(t.Context(), rewritten, testWorkspace, 10, 12)
	if err != nil {
		t.Fatal(err)
	}
	if err := CheckConsistency(witnessed, current, proof, note.VerifierList(honest.key.Verifier)); !errors.Is(err, ErrInconsistent) {
		t.Errorf("error %v, want ErrInconsistent", err)
	}
}

func TestTreeAgreesWithTlog(t *testing.T) {
	var stored []tlog.Hash
	reader := tlog.HashReaderFunc(func(indexes []int64) ([]tlog.Hash, error) {
		hashes := make([]tlog.Hash, len(indexes))
		for i, index := range indexes {
			hashes[i] = stored[index]
		}
		return hashes, nil
	})
	var grown edge
	for n := range int64(130) {
		leaf := tlog.RecordHash([]byte(fmt.Sprint(n)))
		want, err := tlog.StoredHashesForRecordHash(n, leaf, reader)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, want...)
		got := []tlog.Hash{leaf}
		grown.add(leaf, func(at node, hash tlog.Hash) {
			got = append(got, hash)
			if index := tlog.StoredHashIndex(at.level, at.n); stored[index] != hash {
				t.Errorf("leaf %d: node %+v differs from tlog", n, at)
			}
		})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("leaf %d: hashes differ:\n%s", n, diff)
		}
		root, err := tlog.TreeHash(n+1, reader)
		if err != nil || root != grown.root() {
			t.Fatalf("root at %d differs from tlog, %v", n+1, err)
		}
	}
}
