package audit

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// Sealer appends committed events to the Merkle log of their workspace and signs
// a checkpoint for each log that grew. Every replica may run one: on PostgreSQL
// an advisory lock lets one work at a time, on both engines the sealer's row is
// locked first, and a leaf's place is unique.
type Sealer struct {
	DB      *sql.DB
	Dialect Dialect
	Key     Key
	// Retired are the public keys that signed earlier checkpoints.
	Retired []note.Verifier
	// Interval between runs; one second if 0.
	Interval time.Duration
	Logger   *slog.Logger
}

const (
	sealBatch = 1000
	// sealLock is the PostgreSQL advisory lock of the sealers ("audit" in ASCII).
	sealLock = 0x6175646974
	// lastSeal bounds the run that Run makes when it is told to stop.
	lastSeal = 5 * time.Second
)

// Run seals until the context ends, and once more then. Errors are logged and
// tried again: an unsealed event is late, not lost.
func (s *Sealer) Run(ctx context.Context) {
	interval := s.Interval
	if interval <= 0 {
		interval = time.Second
	}
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastSeal)
			defer cancel()
			s.sealAndLog(last)
			return
		case <-ticker.C:
			s.sealAndLog(ctx)
		}
	}
}

func (s *Sealer) sealAndLog(ctx context.Context) {
	if _, err := s.Seal(ctx); err != nil && ctx.Err() == nil {
		logger := s.Logger
		if logger == nil {
			logger = slog.Default()
		}
		logger.ErrorContext(ctx, "sealing the audit log", "error", err)
	}
}

// Seal seals everything that can be sealed now and returns the number of events.
// It signs no checkpoint over a log that does not continue the last one; that is
// an error wrapping ErrInconsistent, and the other workspaces are still sealed.
func (s *Sealer) Seal(ctx context.Context) (int, error) {
	total := 0
	var suspicious []error
	for {
		waiting, err := s.waiting(ctx)
		if err != nil || !waiting {
			return total, errors.Join(append(suspicious, err)...)
		}
		sealed, err := s.sealOnce(ctx)
		if errors.Is(err, ErrInconsistent) {
			suspicious, err = append(suspicious, err), nil
		}
		total += sealed
		if err != nil || sealed == 0 {
			return total, errors.Join(append(suspicious, err)...)
		}
	}
}

// waiting is a look without a lock, so that an idle server writes nothing.
func (s *Sealer) waiting(ctx context.Context) (bool, error) {
	var at position
	if err := s.DB.QueryRowContext(ctx, "SELECT xid, event_id FROM audit_seal WHERE id = 1").Scan(&at.xid, &at.id); err != nil {
		return false, fmt.Errorf("reading how far the audit log is sealed: %w", err)
	}
	var found int
	// The order makes both planners use the index.
	err := s.DB.QueryRowContext(ctx, "SELECT 1 FROM audit_event WHERE (xid, id) > ($1, $2) ORDER BY xid, id LIMIT 1", at.xid, at.id).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return s.restarted(ctx)
	}
	if err != nil {
		return false, fmt.Errorf("looking for unsealed audit events: %w", err)
	}
	return true, nil
}

// restarted tells whether PostgreSQL's transaction ids began anew, as they do
// after a restore into another cluster.
func (s *Sealer) restarted(ctx context.Context) (bool, error) {
	if s.Dialect != Postgres {
		return false, nil
	}
	var restarted bool
	err := s.DB.QueryRowContext(ctx, "SELECT xid > "+horizonExpression+" FROM audit_seal WHERE id = 1").Scan(&restarted)
	if err != nil {
		return false, fmt.Errorf("comparing the sealer's position with the running transactions: %w", err)
	}
	return restarted, nil
}

// horizonExpression is the oldest running transaction: whatever is below it is
// visible or will never be.
const horizonExpression = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"

// position is a place in the order in which events are sealed.
type position struct {
	xid int64
	id  string
}

// pendingLeaf is an event to be sealed.
type pendingLeaf struct {
	position
	workspace string
	hash      tlog.Hash
}

func (s *Sealer) sealOnce(ctx context.Context) (sealed int, err error) {
	tx, err := s.DB.BeginTx(ctx, nil)
	if err != nil {
		return 0, fmt.Errorf("beginning to seal the audit log: %w", err)
	}
	defer func() {
		if rollback := tx.Rollback(); !errors.Is(rollback, sql.ErrTxDone) {
			err = errors.Join(err, rollback)
		}
	}()
	if s.Dialect == Postgres {
		var mine bool
		if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", int64(sealLock)).Scan(&mine); err != nil {
			return 0, fmt.Errorf("locking the audit log for sealing: %w", err)
		}
		if !mine {
			return 0, nil // another replica is at it
		}
	}
	var at position
	// A write before any read: SQLite cannot turn a read into a write after
	// another process has written.
	err = tx.QueryRowContext(ctx, "UPDATE audit_seal SET runs = runs + 1 WHERE id = 1 RETURNING xid, event_id").Scan(&at.xid, &at.id)
	if err != nil {
		return 0, fmt.Errorf("locking the audit log for sealing: %w", err)
	}
	leaves, reached, err := s.pending(ctx, tx, at)
	if err != nil {
		return 0, err
	}
	if len(leaves) == 0 && reached == at {
		return 0, nil
	}
	inconsistent, err := s.extendAll(ctx, tx, leaves)
	if err != nil {
		return 0, err
	}
	if _, err := tx.ExecContext(ctx, "UPDATE audit_seal SET xid = $1, event_id = $2 WHERE id = 1", reached.xid, reached.id); err != nil {
		return 0, fmt.Errorf("storing how far the audit log is sealed: %w", err)
	}
	if err := tx.Commit(); err != nil {
		return 0, fmt.Errorf("committing sealed audit events: %w", err)
	}
	return len(leaves), inconsistent
}

// pending reads the next events in order, and the position after them.
//
// On PostgreSQL, only those of transactions below the oldest running one: a
// transaction that began earlier may still commit an event with a lower
// position, and the position would have passed it.
func (s *Sealer) pending(ctx context.Context, tx Tx, at position) ([]pendingLeaf, position, error) {
	const unsealed = "NOT EXISTS (SELECT 1 FROM audit_leaf l WHERE l.event_id = e.id)"
	where := &predicate{}
	if s.Dialect == SQLite {
		where.parts = append(where.parts, "(e.xid, e.id) > ("+where.add(at.xid)+", "+where.add(at.id)+")", unsealed)
		leaves, err := readPending(ctx, tx, where)
		return leaves, after(leaves, at), err
	}
	var horizon int64
	if err := tx.QueryRowContext(ctx, "SELECT "+horizonExpression).Scan(&horizon); err != nil {
		return nil, at, fmt.Errorf("reading the oldest running transaction: %w", err)
	}
	if horizon >= at.xid {
		where.parts = append(where.parts,
			"(e.xid, e.id) > ("+where.add(at.xid)+", "+where.add(at.id)+")", "e.xid < "+where.add(horizon), unsealed)
		leaves, err := readPending(ctx, tx, where)
		return leaves, after(leaves, at), err
	}
	// Transaction ids began anew: seal what has no leaf, whatever its position,
	// then go on from the new horizon.
	where.parts = append(where.parts, unsealed)
	leaves, err := readPending(ctx, tx, where)
	if len(leaves) == sealBatch {
		return leaves, at, err // there may be more
	}
	return leaves, position{horizon, ""}, err
}

func after(leaves []pendingLeaf, at position) position {
	if len(leaves) == 0 {
		return at
	}
	return leaves[len(leaves)-1].position
}

func readPending(ctx context.Context, tx Tx, where *predicate) (leaves []pendingLeaf, err error) {
	var columns []string
	for _, f := range (&Record{}).fields() {
		columns = append(columns, "e."+f.name)
	}
	query := "SELECT e.xid, " + strings.Join(columns, ", ") + " FROM audit_event e WHERE " + where.text() + " ORDER BY e.xid, e.id LIMIT " + where.add(int64(sealBatch))
	rows, err := tx.QueryContext(ctx, query, where.args...)
	if err != nil {
		return nil, fmt.Errorf("reading unsealed audit events: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var r Record
		var xid int64
		if err := rows.Scan(append([]any{&xid}, r.destinations()...)...); err != nil {
			return nil, fmt.Errorf("reading unsealed audit events: %w", err)
		}
		leaves = append(leaves, pendingLeaf{position: position{xid, r.ID}, workspace: r.Workspace, hash: r.LeafHash()})
	}
	return leaves, rows.Err()
}

// extendAll adds the leaves to their logs, in order. The second error is of those
// logs that were extended without a signature.
func (s *Sealer) extendAll(ctx context.Context, tx Tx, leaves []pendingLeaf) (inconsistent, err error) {
	byWorkspace := make(map[string][]pendingLeaf)
	for _, leaf := range leaves {
		byWorkspace[leaf.workspace] = append(byWorkspace[leaf.workspace], leaf)
	}
	for _, workspace := range slices.Sorted(maps.Keys(byWorkspace)) {
		err := s.extend(ctx, tx, workspace, byWorkspace[workspace])
		if errors.Is(err, ErrInconsistent) {
			inconsistent = errors.Join(inconsistent, err)
		} else if err != nil {
			return nil, err
		}
	}
	return inconsistent, nil
}

// extend grows the log of one workspace and signs its new checkpoint.
func (s *Sealer) extend(ctx context.Context, tx Tx, workspace string, leaves []pendingLeaf) error {
	var size int64
	if err := tx.QueryRowContext(ctx, "SELECT COALESCE(MAX(seq), 0) FROM audit_leaf WHERE workspace_id = $1", workspace).Scan(&size); err != nil {
		return fmt.Errorf("reading the size of the audit log of %s: %w", workspace, err)
	}
	grown, complete, err := loadEdge(&treeReader{ctx: ctx, tx: tx, workspace: workspace}, size)
	if err != nil {
		return err
	}
	inconsistent := s.continues(ctx, tx, workspace, grown)
	if inconsistent == nil && !complete {
		inconsistent = fmt.Errorf("%w: hashes of the log of %s are missing; it is not signed any further", ErrInconsistent, workspace)
	}
	if inconsistent != nil && !errors.Is(inconsistent, ErrInconsistent) {
		return inconsistent
	}
	var leafRows, hashRows [][]any
	for _, leaf := range leaves {
		leafRows = append(leafRows, []any{workspace, grown.size + 1, leaf.id, leaf.hash.String()})
		grown.add(leaf.hash, func(at node, hash tlog.Hash) {
			hashRows = append(hashRows, []any{workspace, int64(at.level), at.n, hash.String()})
		})
	}
	if err := insertRows(ctx, tx, "audit_leaf (workspace_id, seq, event_id, leaf_hash)", leafRows, ""); err != nil {
		return fmt.Errorf("appending to the audit log of %s: %w", workspace, err)
	}
	// A log whose leaves were cut off may still have the hashes above them. That
	// must not stop the sealing of the others.
	if err := insertRows(ctx, tx, "audit_hash (workspace_id, level, node, hash)", hashRows, " ON CONFLICT DO NOTHING"); err != nil {
		return fmt.Errorf("appending to the audit log of %s: %w", workspace, err)
	}
	if inconsistent != nil {
		return inconsistent
	}
	checkpoint := Checkpoint{Workspace: workspace, Size: grown.size, Root: grown.root(), Time: time.Now().UTC().Truncate(time.Microsecond)}
	signed, err := checkpoint.Sign(s.Key.Signer)
	if err != nil {
		return err
	}
	return insertRows(ctx, tx, "audit_checkpoint (workspace_id, size, root, signed_note, sealed_at)",
		[][]any{{workspace, checkpoint.Size, checkpoint.Root.String(), string(signed), checkpoint.Time.UnixMicro()}}, "")
}

// continues checks that a stored tree is the one of the last checkpoint. Else
// the sealer would put its signature under a history that someone rewrote.
func (s *Sealer) continues(ctx context.Context, tx Tx, workspace string, stored *edge) error {
	signed, err := LatestCheckpoint(ctx, tx, workspace)
	if errors.Is(err, ErrNotSealed) {
		if stored.size == 0 {
			return nil
		}
		return fmt.Errorf("%w: %s has %d sealed events and no checkpoint", ErrInconsistent, workspace, stored.size)
	}
	if err != nil {
		return err
	}
	last, err := OpenCheckpoint(signed, note.VerifierList(append([]note.Verifier{s.Key.Verifier}, s.Retired...)...))
	switch {
	case err != nil:
		return fmt.Errorf("%w: the last checkpoint of %s: %w", ErrInconsistent, workspace, err)
	case last.Workspace != workspace || last.Size != stored.size || last.Root != stored.root():
		return fmt.Errorf("%w: the stored log of %s with %d events is not that of its last checkpoint with %d; it is not signed any further", ErrInconsistent, workspace, stored.size, last.Size)
	}
	return nil
}

// ErrNotSealed says that there is no checkpoint yet, or that an event is not
// covered by one.
var ErrNotSealed = errors.New("not sealed yet")

// LatestCheckpoint returns the newest signed checkpoint of a workspace as it is
// stored; OpenCheckpoint reads it.
func LatestCheckpoint(ctx context.Context, tx Tx, workspace string) ([]byte, error) {
	var signed string
	err := tx.QueryRowContext(ctx, "SELECT signed_note FROM audit_checkpoint WHERE workspace_id = $1 ORDER BY size DESC LIMIT 1", workspace).Scan(&signed)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, fmt.Errorf("the audit log of %s: %w", workspace, ErrNotSealed)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last audit checkpoint of %s: %w", workspace, err)
	}
	return []byte(signed), nil
}

// insertRows inserts rows of one shape, some at a time.
func insertRows(ctx context.Context, tx Tx, into string, rows [][]any, onConflict string) error {
	for chunk := range slices.Chunk(rows, 64) {
		var values []string
		var args []any
		for _, row := range chunk {
			values = append(values, "("+placeholders(len(args)+1, len(row))+")")
			args = append(args, row...)
		}
		if _, err := tx.ExecContext(ctx, "INSERT INTO "+into+" VALUES "+strings.Join(values, ", ")+onConflict, args...); err != nil {
			return err
		}
	}
	return nil
}
