package sharing

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// keptClosed is how long a closed request can be read, counted from when it would have
// ended by itself. The audit log has it longer.
const keptClosed = 400 * api.Day

// ExpireRequests writes down what has ended by itself, in every workspace: requests
// that nobody decided in time, with what waited, and those about what has gone. The
// server calls it now and then; replicas may race. It answers how many it closed.
func ExpireRequests(ctx context.Context, svc *object.Service) (int, error) {
	type ref struct{ workspace, id string }
	closed := 0
	for after := (ref{}); ; {
		var found []ref
		err := svc.DB.Read(ctx, func(tx *store.Tx) error {
			found = nil
			rows, err := tx.QueryContext(ctx, `SELECT workspace_id, id FROM approval_request WHERE state = 'pending' AND (workspace_id > $1 OR workspace_id = $1 AND id > $2) ORDER BY workspace_id, id LIMIT 200`, after.workspace, after.id)
			if err != nil {
				return fmt.Errorf("looking for requests that have ended: %w", err)
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var r ref
				if err := rows.Scan(&r.workspace, &r.id); err != nil {
					return fmt.Errorf("looking for requests that have ended: %w", err)
				}
				found = append(found, r)
			}
			return rows.Err()
		})
		if err != nil {
			return closed, err
		}
		if len(found) == 0 {
			return closed, purgeRequests(ctx, svc)
		}
		for _, r := range found {
			after = r
			ended := false
			err := svc.Do(ctx, object.System(r.workspace), func(s *object.Scope) error {
				var err error
				ended, err = expireRequest(ctx, s, r.id)
				return err
			})
			if err != nil {
				return closed, fmt.Errorf("ending the request %s: %w", r.id, err)
			}
			if ended {
				closed++
			}
		}
	}
}

func expireRequest(ctx context.Context, s *object.Scope, id string) (bool, error) {
	q, err := loadRequest(ctx, s, id)
	if err != nil {
		return false, ignoreMissing(err)
	}
	state, reason, err := q.standing(ctx, s)
	if err != nil || state == q.state || q.state != api.ApprovalPending {
		return false, err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return false, err
	}
	// Somebody may have decided before the lock was ours.
	if q, err = loadRequest(ctx, s, id); err != nil || q.state != api.ApprovalPending {
		return false, ignoreMissing(err)
	}
	if err := q.remove(ctx, s, "nobody approved it in time"); err != nil {
		return false, err
	}
	return true, q.close(ctx, s, state, reason)
}

// purgeRequests forgets requests that were closed long ago.
func purgeRequests(ctx context.Context, svc *object.Service) error {
	const old = `FROM approval_request WHERE state IN ('approved', 'denied', 'expired', 'withdrawn') AND expires_at < $1`
	before := svc.Clock().Add(-keptClosed).UnixMicro()
	err := svc.DB.Write(ctx, func(tx *store.Tx) error {
		for _, text := range []string{`DELETE FROM approval_decision WHERE (workspace_id, request_id) IN (SELECT workspace_id, id ` + old + `)`, `DELETE ` + old} {
			if _, err := tx.ExecContext(ctx, text, before); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("forgetting old requests for approval: %w", err)
	}
	return nil
}
