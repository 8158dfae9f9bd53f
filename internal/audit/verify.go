package audit

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Report is the outcome of verifying the log of one workspace (GH-AL-03).
type Report struct {
	Workspace string `json:"workspace_id"`
	// Events is the number of sealed events, all of which were recomputed.
	Events      int64  `json:"events"`
	Checkpoints int64  `json:"checkpoints"`
	Root        string `json:"root,omitempty"`
	// Checkpoint is the newest valid signed checkpoint; keep it as a witness.
	Checkpoint string    `json:"checkpoint,omitempty"`
	First      time.Time `json:"first_event"`
	Last       time.Time `json:"last_event"`
	// Unsealed events are committed and wait for the sealer; OldestUnsealed
	// tells whether it works.
	Unsealed       int64     `json:"unsealed"`
	OldestUnsealed time.Time `json:"oldest_unsealed,omitzero"`
	// Problems are the first findings, ProblemCount is how many there are.
	Problems     []Problem `json:"problems"`
	ProblemCount int64     `json:"problem_count"`
}

// OK reports whether the log is intact.
func (r Report) OK() bool { return r.ProblemCount == 0 }

// Problem is one finding.
type Problem struct {
	Kind ProblemKind `json:"kind"`
	// Seq is the place in the log, or the size of a checkpoint; 0 if neither.
	Seq    int64  `json:"seq,omitempty"`
	Event  string `json:"event,omitempty"`
	Detail string `json:"detail"`
}

// ProblemKind names what is wrong.
type ProblemKind string

// The problems.
const (
	EventAltered        ProblemKind = "event_altered"        // the row does not have the hash of its leaf
	EventMissing        ProblemKind = "event_missing"        // the row of a leaf is gone
	EventNeverSealed    ProblemKind = "event_never_sealed"   // a row was slipped in behind the sealer
	LeafMissing         ProblemKind = "leaf_missing"         // a gap in the sequence
	LogTruncated        ProblemKind = "log_truncated"        // a checkpoint speaks of more events
	LogNotSigned        ProblemKind = "log_not_signed"       // leaves beyond the last checkpoint
	CheckpointForged    ProblemKind = "checkpoint_forged"    // no valid signature, or not what was signed
	CheckpointMismatch  ProblemKind = "checkpoint_mismatch"  // validly signed, but the log has another root
	HashAltered         ProblemKind = "hash_altered"         // a stored hash is not that of its subtree
	WitnessContradicted ProblemKind = "witness_contradicted" // a checkpoint kept elsewhere does not fit
	PersonAltered       ProblemKind = "person_altered"       // another name was put under a pseudonym, or none
)

const (
	maxProblems = 200
	verifyBatch = 1000
)

// Verify recomputes the log of a workspace from its event rows: every leaf, every
// stored hash, and the root at every checkpoint, which makes each checkpoint
// consistent with all others. The keys are those that signed, retired ones too.
// Witnessed are checkpoints that someone kept elsewhere; only they show that the
// end of the log, checkpoints included, was cut off.
//
// It reads in batches and may run while events are written and sealed.
func Verify(ctx context.Context, tx Tx, workspace string, known note.Verifiers, witnessed ...[]byte) (Report, error) {
	v := &verification{tx: tx, known: known, people: make(map[string]*subject), report: Report{Workspace: workspace, Problems: []Problem{}}}
	if err := v.run(ctx, witnessed); err != nil {
		return Report{}, fmt.Errorf("verifying the audit log of %s: %w", workspace, err)
	}
	return v.report, nil
}

// verification is the state of one run.
type verification struct {
	tx     Tx
	known  note.Verifiers
	report Report

	grown    edge
	expected int64 // the place of the next leaf
	// broken is set when roots cannot be recomputed any more, or need not be:
	// after one gap or mismatch all that follow mismatch too.
	broken    bool
	validSize int64 // of the newest checkpoint that fits
	witnessed []Checkpoint
	queue     checkpointQueue
	people    map[string]*subject // by ref, those that were checked
}

func (v *verification) run(ctx context.Context, witnessed [][]byte) error {
	// The order of the reads matters: leaves and their checkpoint commit
	// together, so every leaf up to here has its checkpoint among those read later.
	leaves, err := v.number(ctx, "SELECT COALESCE(MAX(seq), 0) FROM audit_leaf WHERE workspace_id = $1")
	if err != nil {
		return err
	}
	size, err := v.number(ctx, "SELECT COALESCE(MAX(size), 0) FROM audit_checkpoint WHERE workspace_id = $1")
	if err != nil {
		return err
	}
	if leaves > size {
		v.found(LogNotSigned, size+1, "", "the log has %d events, the last checkpoint only %d", leaves, size)
	}
	v.openWitnessed(witnessed)
	v.queue = checkpointQueue{workspace: v.report.Workspace, after: math.MinInt64, until: size}
	v.expected = 1
	// What is sealed from here on is left for the next verification.
	until := max(leaves, size)
	for from := int64(math.MinInt64); ; {
		page, err := v.leaves(ctx, from, until)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			break
		}
		if err := v.page(ctx, page); err != nil {
			return err
		}
		from = page[len(page)-1].seq
	}
	if err := v.truncated(ctx); err != nil {
		return err
	}
	if !v.broken && v.grown.size > 0 {
		v.report.Root = v.grown.root().String()
	}
	return v.unsealed(ctx)
}

func (v *verification) number(ctx context.Context, query string) (n int64, err error) {
	err = v.tx.QueryRowContext(ctx, query, v.report.Workspace).Scan(&n)
	return n, err
}

func (v *verification) found(kind ProblemKind, seq int64, event, format string, args ...any) {
	v.report.ProblemCount++
	if len(v.report.Problems) < maxProblems {
		v.report.Problems = append(v.report.Problems, Problem{Kind: kind, Seq: seq, Event: event, Detail: fmt.Sprintf(format, args...)})
	}
}

func (v *verification) openWitnessed(witnessed [][]byte) {
	for _, signed := range witnessed {
		c, err := OpenCheckpoint(signed, v.known)
		switch {
		case err != nil:
			v.found(CheckpointForged, 0, "", "a checkpoint kept elsewhere: %v", err)
		case c.Workspace != v.report.Workspace:
			v.found(WitnessContradicted, c.Size, "", "a checkpoint kept elsewhere is of workspace %s", c.Workspace)
		default:
			v.witnessed = append(v.witnessed, c)
		}
	}
}

// sealedRow is a leaf with the event row that it stands for.
type sealedRow struct {
	seq               int64
	eventID, leafHash string
	present           bool
	Record
}

// page verifies leaves in order, and the checkpoints that end among them.
func (v *verification) page(ctx context.Context, page []sealedRow) error {
	hashes, err := v.hashes(ctx, v.grown.size, v.grown.size+int64(len(page)))
	if err != nil {
		return err
	}
	for _, leaf := range page {
		if leaf.seq != v.expected {
			v.found(LeafMissing, v.expected, "", "the log goes on at %d where %d belongs", leaf.seq, v.expected)
			v.broken = true
		}
		v.expected = leaf.seq + 1
		v.report.Events++
		hash := v.leafHash(leaf)
		if !v.broken {
			v.grown.add(hash, func(at node, hash tlog.Hash) {
				if stored, ok := hashes[at]; !ok || stored != hash {
					v.found(HashAltered, leaf.seq, "", "the hash of node %d at level %d is not that of the events under it", at.n, at.level)
				}
			})
		}
		for {
			row, ok, err := v.queue.upTo(ctx, v.tx, leaf.seq)
			if err != nil {
				return err
			}
			if !ok {
				break
			}
			v.checkpoint(row)
		}
		v.witness(leaf.seq)
	}
	return v.persons(ctx, page)
}

// persons checks that who acted in these events is who the log says, or erased.
func (v *verification) persons(ctx context.Context, page []sealedRow) error {
	event := make(map[string]sealedRow)
	for _, leaf := range page {
		for _, key := range []string{leaf.ActorKey, leaf.BehalfKey} {
			ref, personal := strings.CutPrefix(key, tokenPrefix)
			_, checked := v.people[ref]
			if _, met := event[ref]; personal && !checked && !met && len(ref) == refLength {
				event[ref] = leaf
			}
		}
	}
	refs := slices.Sorted(maps.Keys(event))
	if err := findRefs(ctx, v.tx, v.report.Workspace, refs, v.people); err != nil {
		return err
	}
	for _, ref := range refs {
		if s := v.people[ref]; s == nil || s.altered {
			v.people[ref] = &subject{ref: ref, altered: true}
			v.found(PersonAltered, event[ref].seq, event[ref].eventID, "%s%s does not stand for the person it was made for", tokenPrefix, ref)
		}
	}
	return nil
}

// leafHash recomputes the hash of a leaf from the event row. Where that is
// impossible or wrong, the stored hash stands in, so that one altered row is one
// problem and not a different root everywhere after it.
func (v *verification) leafHash(leaf sealedRow) tlog.Hash {
	stored, err := tlog.ParseHash(leaf.leafHash)
	if err != nil {
		v.found(HashAltered, leaf.seq, leaf.eventID, "the stored hash of the event is not a hash")
	}
	if !leaf.present {
		v.found(EventMissing, leaf.seq, leaf.eventID, "the row of the event was deleted")
		return stored
	}
	at := time.UnixMicro(leaf.OccurredAt).UTC()
	if v.report.First.IsZero() || at.Before(v.report.First) {
		v.report.First = at
	}
	if at.After(v.report.Last) {
		v.report.Last = at
	}
	computed := leaf.LeafHash()
	if leaf.Workspace != v.report.Workspace || computed != stored {
		v.found(EventAltered, leaf.seq, leaf.eventID, "the row of the event is not the one that was sealed")
	}
	return stored
}

func (v *verification) checkpoint(row storedCheckpoint) {
	c, ok := v.signed(row)
	if !ok || v.broken {
		return
	}
	if c.Size != v.grown.size || c.Root != v.grown.root() {
		v.broken = true
		v.found(CheckpointMismatch, row.size, "", "the first %d events are not those that were signed; the last checkpoint that fits covers %d", row.size, v.validSize)
		return
	}
	v.validSize = c.Size
	v.report.Checkpoint = row.signed
}

// signed checks the signature of a stored checkpoint, and that it is of its row.
func (v *verification) signed(row storedCheckpoint) (Checkpoint, bool) {
	v.report.Checkpoints++
	c, err := OpenCheckpoint([]byte(row.signed), v.known)
	if err != nil {
		v.found(CheckpointForged, row.size, "", "%v", err)
		return c, false
	}
	if c.Workspace != v.report.Workspace || c.Size != row.size || c.Root.String() != row.root {
		v.found(CheckpointForged, row.size, "", "the signed text is of %s with %d events, not of this row", c.Workspace, c.Size)
		return c, false
	}
	return c, true
}

// witness compares the checkpoints kept elsewhere that end at this leaf.
func (v *verification) witness(seq int64) {
	if v.broken {
		return
	}
	for i := 0; i < len(v.witnessed); {
		c := v.witnessed[i]
		if c.Size != seq {
			i++
			continue
		}
		if c.Root != v.grown.root() {
			v.found(WitnessContradicted, c.Size, "", "a checkpoint kept elsewhere was signed over other events than the first %d", c.Size)
		}
		v.witnessed = slices.Delete(v.witnessed, i, i+1)
	}
}

// truncated reports the checkpoints, stored and kept elsewhere, that speak of
// more events than the log has.
func (v *verification) truncated(ctx context.Context) error {
	first := true
	for {
		row, ok, err := v.queue.upTo(ctx, v.tx, math.MaxInt64)
		if err != nil {
			return err
		}
		if !ok {
			break
		}
		if _, valid := v.signed(row); valid && first {
			first = false
			v.found(LogTruncated, row.size, "", "the log ends at %d, but %d events were signed", v.expected-1, row.size)
		}
	}
	for _, c := range v.witnessed {
		v.found(WitnessContradicted, c.Size, "", "the log of %d events that a checkpoint kept elsewhere was signed over is not there; this one ends at %d", c.Size, v.expected-1)
	}
	return nil
}

// storedCheckpoint is a row of audit_checkpoint.
type storedCheckpoint struct {
	size         int64
	root, signed string
}

// checkpointQueue reads the checkpoints of a workspace by size, a page at a time.
type checkpointQueue struct {
	workspace    string
	after, until int64
	rows         []storedCheckpoint
	ended        bool
}

// upTo takes the next checkpoint off the queue if it is not larger than size.
func (q *checkpointQueue) upTo(ctx context.Context, tx Tx, size int64) (storedCheckpoint, bool, error) {
	if len(q.rows) == 0 && !q.ended {
		if err := q.load(ctx, tx); err != nil {
			return storedCheckpoint{}, false, err
		}
	}
	if len(q.rows) == 0 || q.rows[0].size > size {
		return storedCheckpoint{}, false, nil
	}
	row := q.rows[0]
	q.rows = q.rows[1:]
	return row, true, nil
}

func (q *checkpointQueue) load(ctx context.Context, tx Tx) (err error) {
	rows, err := tx.QueryContext(ctx, `SELECT size, root, signed_note FROM audit_checkpoint
		WHERE workspace_id = $1 AND size > $2 AND size <= $3 ORDER BY size LIMIT $4`, q.workspace, q.after, q.until, int64(verifyBatch))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var c storedCheckpoint
		if err := rows.Scan(&c.size, &c.root, &c.signed); err != nil {
			return err
		}
		q.rows = append(q.rows, c)
		q.after = c.size
	}
	q.ended = len(q.rows) < verifyBatch
	return rows.Err()
}

func (v *verification) leaves(ctx context.Context, after, until int64) (leaves []sealedRow, err error) {
	var columns []string
	for _, f := range (&Record{}).fields() {
		missing := "''"
		if f.number != nil {
			missing = "0"
		}
		columns = append(columns, "COALESCE(e."+f.name+", "+missing+")")
	}
	rows, err := v.tx.QueryContext(ctx, "SELECT l.seq, l.event_id, l.leaf_hash, CASE WHEN e.id IS NULL THEN 0 ELSE 1 END, "+strings.Join(columns, ", ")+
		" FROM audit_leaf l LEFT JOIN audit_event e ON e.id = l.event_id WHERE l.workspace_id = $1 AND l.seq > $2 AND l.seq <= $3 ORDER BY l.seq LIMIT $4",
		v.report.Workspace, after, until, int64(verifyBatch))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row sealedRow
		var present int64
		if err := rows.Scan(append([]any{&row.seq, &row.eventID, &row.leafHash, &present}, row.destinations()...)...); err != nil {
			return nil, err
		}
		row.present = present == 1
		leaves = append(leaves, row)
	}
	return leaves, rows.Err()
}

// hashes reads the stored hashes of the subtrees that end within (from, to].
func (v *verification) hashes(ctx context.Context, from, to int64) (map[node]tlog.Hash, error) {
	var indexes []int64
	for level := 1; to>>level > 0; level++ {
		for n := from >> level; n < to>>level; n++ {
			indexes = append(indexes, tlog.StoredHashIndex(level, n))
		}
	}
	return (&treeReader{ctx: ctx, tx: v.tx, workspace: v.report.Workspace}).find(indexes)
}

// unsealed counts the events that have no leaf. Those behind the sealer's
// position will never get one: they were not written by a transaction of ours.
func (v *verification) unsealed(ctx context.Context) error {
	const unsealed = "e.workspace_id = $1 AND NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id AND l.workspace_id = e.workspace_id)"
	const behind = unsealed + " AND (e.xid, e.id) <= ((SELECT xid FROM audit_seal WHERE id = 1), (SELECT event_id FROM audit_seal WHERE id = 1))"
	var oldest int64
	err := v.tx.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(MIN(e.occurred_at), 0) FROM audit_event e WHERE "+unsealed, v.report.Workspace).Scan(&v.report.Unsealed, &oldest)
	if err != nil {
		return err
	}
	if v.report.Unsealed == 0 {
		return nil
	}
	v.report.OldestUnsealed = time.UnixMicro(oldest).UTC()
	stored, err := scanIDs(ctx, v.tx, "SELECT e.id FROM audit_event e WHERE "+behind+" ORDER BY e.xid, e.id LIMIT 1000", v.report.Workspace)
	if err != nil {
		return err
	}
	for _, id := range stored {
		v.found(EventNeverSealed, 0, id, "the event stands behind what is sealed and has no place in the log")
	}
	return nil
}

func scanIDs(ctx context.Context, tx Tx, query string, args ...any) (ids []string, err error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, rows.Err()
}
