package provisioning

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// The circuit breaker (X15): bulk removals above the ratio of the provisioning policy
// are held for a human decision; a single leaver never is.
const (
	minPopulation = 10 // of this many people or fewer, any number may go
	removalWindow = time.Hour
	hourLong      = "an hour"        // removalWindow, said to people
	aloneFor      = 15 * time.Minute // who leaves with nobody else around is no bulk
	longestWait   = 720 * time.Hour  // of quarantine_hours
	silence       = 72 * time.Hour   // identity providers send again what was refused sooner than that
)

// ActivePeopleStatement counts the people of a connection.
const ActivePeopleStatement = `SELECT COUNT(*) FROM scim_user WHERE workspace_id = $1 AND connection = $2 AND active = 1 AND deleted_at = 0`

// tripped reports whether so many removals, of so many people, are a bulk above the
// ratio.
func tripped(removed, population int64, ratio float64) bool {
	return population > minPopulation && removed > 1 && float64(removed) > ratio*float64(population)
}

// leavers counts whom the connection's leave events of a time name, beside one person:
// who left, and who left or tried to. What a human decided counts no longer.
const leavers = `SELECT COUNT(DISTINCT CASE WHEN outcome = 'applied' THEN target END), COUNT(DISTINCT target) FROM provisioning_event
	WHERE workspace_id = $1 AND connection = $2 AND operation = 'leave' AND occurred_at > $3 AND outcome IN ('applied', 'quarantined') AND target <> $4`

const undecided = ` AND target NOT IN (SELECT d.target FROM provisioning_event d WHERE d.workspace_id = $1 AND d.connection = $2 AND d.operation = 'leave'
	AND d.outcome = 'quarantined' AND d.outcome <> 'applied' AND d.occurred_at > $7 AND (d.released_at > $5 OR d.rejected_at > $6))`

// checkLeavers counts who left or tried to within the window. Attempts that were held
// count as well, so that a bulk that is sent again and again stays held.
func checkLeavers(ctx context.Context, s *object.Scope, memberID, email string) error {
	was, err := historyOf(ctx, s, OperationLeave, memberID)
	if err != nil || was.released(s.Now) {
		return err
	}
	held := &Held{Operation: OperationLeave, Resource: ResourceUser, Target: memberID, Key: email, releasable: true}
	if was.rejected(s.Now) {
		held.Why = api.NewProblem(api.CodeForbidden, "Somebody rejected this removal, and the identity provider keeps sending it.")
		return held
	}
	args := []any{s.WorkspaceID, s.Caller.Key, s.Now.Add(-removalWindow).UnixMicro(), memberID}
	var left, attempted, active int64
	count := func(text string, more ...any) error {
		if err := s.Tx.QueryRowContext(ctx, text, append(args, more...)...).Scan(&left, &attempted); err != nil {
			return fmt.Errorf("counting leavers: %w", err)
		}
		return nil
	}
	if err := count(leavers); err != nil || attempted == 0 {
		return err
	}
	if err := s.Tx.QueryRowContext(ctx, ActivePeopleStatement, s.WorkspaceID, s.Caller.Key).Scan(&active); err != nil {
		return fmt.Errorf("counting people: %w", err)
	}
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil {
		return err
	}
	ratio := ratioOf(policy)
	if !tripped(attempted+1, active+left, ratio) {
		return nil
	}
	if err := count(leavers+undecided, s.Now.Add(-releaseLastsFor).UnixMicro(), s.Now.Add(-rejectLastsFor).UnixMicro(), s.Now.Add(-rejectLastsFor-longestWait).UnixMicro()); err != nil || !tripped(attempted+1, active+left, ratio) {
		return err
	}
	if was.last == 0 {
		if alone, err := leavesAlone(ctx, s, memberID); alone || err != nil {
			return err
		}
	}
	held.Why = api.NewProblem(api.CodeForbidden, "%d of %d people of connection %q would leave within %s, more than %.0f%%; this removal is held for a human decision.", attempted+1, active+left, s.Caller.Key, hourLong, ratio*100)
	return held
}

// leavesAlone reports whether nobody else began to leave a moment ago: a single leaver
// never waits, whatever is held (X15). Who was held before and is sent again did not
// begin now.
func leavesAlone(ctx context.Context, s *object.Scope, memberID string) (bool, error) {
	var one int64
	err := s.Tx.QueryRowContext(ctx, `SELECT 1 FROM provisioning_event e WHERE e.workspace_id = $1 AND e.connection = $2 AND e.operation = 'leave' AND e.occurred_at > $3
		AND e.outcome IN ('applied', 'quarantined') AND e.target <> $4 AND NOT EXISTS (SELECT 1 FROM provisioning_event b WHERE b.workspace_id = e.workspace_id
		AND b.target = e.target AND b.occurred_at <= $3 AND b.operation = 'leave' AND b.outcome = 'quarantined') LIMIT 1`,
		s.WorkspaceID, s.Caller.Key, s.Now.Add(-aloneFor).UnixMicro(), memberID).Scan(&one)
	if isNoRows(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for other leavers: %w", err)
	}
	return false, nil
}

// history is what became of the attempts of a change that were held: times of the newest
// of each, 0 for none.
type history struct{ last, releasedAt, rejectedAt int64 }

func historyOf(ctx context.Context, s *object.Scope, operation, target string) (history, error) {
	var h history
	err := s.Tx.QueryRowContext(ctx, `SELECT COALESCE(MAX(occurred_at), 0), COALESCE(MAX(released_at), 0), COALESCE(MAX(rejected_at), 0) FROM provisioning_event
		WHERE workspace_id = $1 AND target = $2 AND operation = $3 AND outcome = 'quarantined'`, s.WorkspaceID, target, operation).Scan(&h.last, &h.releasedAt, &h.rejectedAt)
	if err != nil {
		return h, fmt.Errorf("looking for decisions: %w", err)
	}
	return h, nil
}

func (h history) released(now time.Time) bool {
	return h.releasedAt > now.Add(-releaseLastsFor).UnixMicro() && h.releasedAt >= h.rejectedAt
}

// rejected: a no counts for what the identity provider keeps sending. After a silence it
// means it anew.
func (h history) rejected(now time.Time) bool {
	return h.rejectedAt > now.Add(-rejectLastsFor).UnixMicro() && h.rejectedAt > h.releasedAt && h.last > now.Add(-silence).UnixMicro()
}

// released reports whether a human let this change of this target pass.
func released(ctx context.Context, s *object.Scope, operation, target string) (bool, error) {
	var one int64
	err := s.Tx.QueryRowContext(ctx, `SELECT 1 FROM provisioning_event WHERE workspace_id = $1 AND target = $2 AND operation = $3 AND outcome = 'quarantined' AND released_at > $4 LIMIT 1`,
		s.WorkspaceID, target, operation, s.Now.Add(-releaseLastsFor).UnixMicro()).Scan(&one)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("looking for a release: %w", err)
	}
	return true, nil
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }
