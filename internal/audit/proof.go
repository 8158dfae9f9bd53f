package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Proof shows, without the database, that an event stands in the log of a
// workspace at its place. It has the pseudonyms of people, not their names, and
// stays valid when they are erased.
type Proof struct {
	Version int `json:"version"`
	// Event is the canonical leaf; ParseLeaf reads it.
	Event []byte `json:"event"`
	// Index is the leaf's place from 0; the event's seq is one more.
	Index int64 `json:"index"`
	// Hashes is the inclusion proof of RFC 6962 section 2.1.1.
	Hashes []tlog.Hash `json:"hashes"`
	// Checkpoint is the signed checkpoint that the proof leads to.
	Checkpoint string `json:"checkpoint"`
}

const (
	proofVersion = 1
	maxProofPath = 64
)

// ErrProof is wrapped when a proof does not hold.
var ErrProof = errors.New("the audit proof does not hold")

// Prove makes the proof of one event, towards the newest checkpoint.
func Prove(ctx context.Context, tx Tx, workspace, eventID string) (Proof, error) {
	stored, err := scanRecords(ctx, tx, selectRecords+" WHERE e.id = $1 AND e.workspace_id = $2", []any{eventID, workspace})
	if err != nil {
		return Proof{}, err
	}
	if len(stored) == 0 {
		return Proof{}, fmt.Errorf("%w: %.64q", ErrNotFound, eventID)
	}
	signed, err := LatestCheckpoint(ctx, tx, workspace)
	if err != nil {
		return Proof{}, err
	}
	size, err := signedSize(signed)
	if err != nil {
		return Proof{}, err
	}
	index := stored[0].seq - 1
	if index < 0 || index >= size {
		return Proof{}, fmt.Errorf("audit event %s: %w", eventID, ErrNotSealed)
	}
	hashes, err := tlog.ProveRecord(size, index, &treeReader{ctx: ctx, tx: tx, workspace: workspace})
	if err != nil {
		return Proof{}, fmt.Errorf("proving audit event %s: %w", eventID, err)
	}
	return Proof{Version: proofVersion, Event: stored[0].Leaf(), Index: index, Hashes: hashes, Checkpoint: string(signed)}, nil
}

// Verify checks the proof against the keys of the log, offline, and returns what
// it proves.
func (p Proof) Verify(known note.Verifiers) (Record, Checkpoint, error) {
	fail := func(format string, args ...any) (Record, Checkpoint, error) {
		return Record{}, Checkpoint{}, fmt.Errorf("%w: %w", ErrProof, fmt.Errorf(format, args...))
	}
	if p.Version != proofVersion {
		return fail("its version is %d, this program knows %d", p.Version, proofVersion)
	}
	if len(p.Hashes) > maxProofPath {
		return fail("it has %d hashes", len(p.Hashes))
	}
	checkpoint, err := OpenCheckpoint([]byte(p.Checkpoint), known)
	if err != nil {
		return fail("%w", err)
	}
	record, err := ParseLeaf(p.Event)
	if err != nil {
		return fail("%w", err)
	}
	if record.Workspace != checkpoint.Workspace {
		return fail("the event is of workspace %s, the checkpoint of %s", record.Workspace, checkpoint.Workspace)
	}
	if err := tlog.CheckRecord(p.Hashes, checkpoint.Size, checkpoint.Root, p.Index, tlog.RecordHash(p.Event)); err != nil {
		return fail("event %s is not at place %d of the log with %d events", record.ID, p.Index+1, checkpoint.Size)
	}
	return record, checkpoint, nil
}

// ConsistencyProof shows that the log of a workspace with newSize events begins
// with its log of oldSize (RFC 6962 section 2.1.2); CheckConsistency checks it.
func ConsistencyProof(ctx context.Context, tx Tx, workspace string, oldSize, newSize int64) ([]tlog.Hash, error) {
	var size int64
	err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint WHERE workspace_id = $1", workspace).Scan(&size)
	if err != nil {
		return nil, fmt.Errorf("reading the size of the audit log of %s: %w", workspace, err)
	}
	if oldSize < 1 || newSize < oldSize || newSize > size {
		return nil, fmt.Errorf("%w: from %d to %d events of %s, whose log has %d", ErrSizes, oldSize, newSize, workspace, size)
	}
	hashes, err := tlog.ProveTree(newSize, oldSize, &treeReader{ctx: ctx, tx: tx, workspace: workspace})
	if err != nil {
		return nil, fmt.Errorf("proving the consistency of the audit log of %s: %w", workspace, err)
	}
	return hashes, nil
}

// ErrSizes says that a consistency proof was asked for sizes that the log does
// not have. To a witness whose checkpoint is larger it means: the log shrank.
var ErrSizes = errors.New("no such sizes in the audit log")

// CheckpointAt returns the stored checkpoint of exactly one size.
func CheckpointAt(ctx context.Context, tx Tx, workspace string, size int64) ([]byte, error) {
	var signed string
	err := tx.QueryRowContext(ctx, "SELECT signed_note FROM audit_checkpoint WHERE workspace_id = $1 AND size = $2", workspace, size).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("%w: %s has no checkpoint at %d", ErrSizes, workspace, size)
	}
	if err != nil {
		return nil, fmt.Errorf("reading an audit checkpoint of %s: %w", workspace, err)
	}
	return []byte(signed), nil
}
