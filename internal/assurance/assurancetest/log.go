package assurancetest

import (
	"crypto/rand"
	"fmt"
	"testing"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
)

// Key makes a signing key.
func Key(t testing.TB, name string) audit.Key {
	t.Helper()
	secret, _, err := note.GenerateKey(rand.Reader, name)
	if err != nil {
		t.Fatal(err)
	}
	key, err := audit.NewKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// Seal makes the events the snapshot's log: numbered, sealed under a new key, with a
// signed checkpoint and the proof of each. Those outside of the period are not listed.
func Seal(t testing.TB, s *assurance.Snapshot, events ...audit.Event) {
	t.Helper()
	key := Key(t, "gatehouse-audit")
	var stored hashes
	leaves := make([][]byte, len(events))
	for i := range events {
		e := &events[i]
		e.ID, e.Workspace, e.Seq, e.Effect = fmt.Sprintf("evt_%04d", i+1), s.Run.WorkspaceID, int64(i+1), audit.EffectUnknown
		record := audit.Record{ID: e.ID, Workspace: e.Workspace, OccurredAt: e.Time.UnixMicro(), Door: string(e.Door), Action: e.Action, Family: string(audit.FamilyOf(e.Action)),
			Effect: string(e.Effect), ActorKind: e.Actor.Kind, TargetKind: e.Target.Kind, TargetID: e.Target.ID, MFAAgeSeconds: -1, RequestID: e.RequestID}
		leaves[i] = record.Leaf()
		more, err := tlog.StoredHashesForRecordHash(int64(i), tlog.RecordHash(leaves[i]), &stored)
		if err != nil {
			t.Fatal(err)
		}
		stored = append(stored, more...)
	}
	size := int64(len(events))
	root, err := tlog.TreeHash(size, &stored)
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := audit.Checkpoint{Workspace: s.Run.WorkspaceID, Size: size, Root: root, Time: AsOf}.Sign(key.Signer)
	if err != nil {
		t.Fatal(err)
	}
	s.Events = assurance.EventLog{Query: "GET /v1/workspaces/wikio/audit_events", Complete: true, Items: []audit.Event{}}
	s.People = assurance.EventLog{Query: "GET /v1/workspaces/wikio/audit_events?target_kind=member", Complete: true, Items: []audit.Event{}}
	oldest := events[0].Time
	s.Log = assurance.LogEvidence{Checkpoint: string(checkpoint), PublicKey: key.Public, Oldest: &oldest, Report: &audit.Report{Workspace: s.Run.WorkspaceID, Events: size, Problems: []audit.Problem{}}}
	for i, e := range events {
		if e.Target.Kind == "member" {
			s.People.Items = append(s.People.Items, e)
		}
		if e.Time.Before(s.Run.From) {
			continue
		}
		s.Events.Items = append(s.Events.Items, e)
		path, err := tlog.ProveRecord(size, int64(i), &stored)
		if err != nil {
			t.Fatal(err)
		}
		s.Log.Proofs = append(s.Log.Proofs, audit.Proof{Version: 1, Event: leaves[i], Index: int64(i), Hashes: path, Checkpoint: string(checkpoint)})
	}
}

// Events gives the events that Snapshot seals, to be sealed again with more.
func Events() []audit.Event { return events() }

// hashes are the stored hashes of a tree in memory.
type hashes []tlog.Hash

// ReadHashes implements tlog.HashReader.
func (h *hashes) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	out := make([]tlog.Hash, len(indexes))
	for i, n := range indexes {
		if n >= int64(len(*h)) {
			return nil, fmt.Errorf("no hash %d", n)
		}
		out[i] = (*h)[n]
	}
	return out, nil
}
