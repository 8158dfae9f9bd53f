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
)

// ActivePeopleStatement counts the people of a connection.
const ActivePeopleStatement = `SELECT COUNT(*) FROM scim_user WHERE workspace_id = $1 AND connection = $2 AND active = 1 AND deleted_at = 0`

// tripped reports whether so many removals, of so many people, are a bulk above the
// ratio.
func tripped(removed, population int64, ratio float64) bool {
	return population > minPopulation && removed > 1 && float64(removed) > ratio*float64(population)
}

// checkLeavers counts who left or tried to within the window. Attempts that were held
// count as well, so that a bulk that is sent again and again stays held.
func checkLeavers(ctx context.Context, s *object.Scope, memberID, email string) error {
	since := s.Now.Add(-removalWindow).UnixMicro()
	var left, attempted, active int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(DISTINCT CASE WHEN outcome = 'applied' THEN target END), COUNT(DISTINCT target) FROM provisioning_event
		WHERE workspace_id = $1 AND connection = $2 AND operation = 'leave' AND occurred_at > $3 AND outcome IN ('applied', 'quarantined') AND target <> $4`,
		s.WorkspaceID, s.Caller.Key, since, memberID).Scan(&left, &attempted); err != nil {
		return fmt.Errorf("counting leavers: %w", err)
	}
	if attempted == 0 {
		return nil
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
	if ok, err := released(ctx, s, OperationLeave, memberID); ok || err != nil {
		return err
	}
	return &Held{Operation: OperationLeave, Resource: ResourceUser, Target: memberID, Key: email, releasable: true,
		Why: api.NewProblem(api.CodeForbidden, "%d of %d people of connection %q would leave within %s, more than %.0f%%; this removal is held for a human decision.", attempted+1, active+left, s.Caller.Key, removalWindow, ratio*100)}
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
