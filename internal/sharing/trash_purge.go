package sharing

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Purge deletes an item in the trash for good, before its clock has run out. That is
// for owner and admins, where they could have deleted it.
func Purge(ctx context.Context, s *object.Scope, id string) error {
	if err := s.Active(ctx); err != nil {
		return err
	}
	if _, err := authorised(ctx, s, id, itemDelete); err != nil {
		return err
	}
	all, err := governs(ctx, s)
	if err != nil {
		return err
	}
	if !all {
		return api.NewProblem(api.CodeForbidden, "Only an owner or an admin deletes an item for good before its time in the trash is over. Ask one of them, or restore it.")
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	e, err := findEntry(ctx, s, id)
	if err != nil {
		return err
	}
	if e.held {
		return api.NewProblem(api.CodeConflict, "The %s %s in the trash is under legal hold and stays. Release it first, when the hold is over.", e.kind, e.path)
	}
	return forget(ctx, s, e, "deleted for good by hand")
}

// HoldTrashed puts an item in the trash under legal hold or releases it: the clock does
// not touch what is held.
func HoldTrashed(ctx context.Context, s *object.Scope, id string, hold bool) (*api.Trashed, error) {
	if err := s.Active(ctx); err != nil {
		return nil, err
	}
	e, err := authorised(ctx, s, id, itemRestore)
	if err != nil {
		return nil, err
	}
	all, err := governs(ctx, s)
	if err != nil {
		return nil, err
	}
	if !all {
		return nil, api.NewProblem(api.CodeForbidden, "Only an owner or an admin puts an item under legal hold and releases it.")
	}
	value, action, effect := int64(0), "hold_released", audit.EffectWidened
	if hold {
		value, action, effect = 1, "held", audit.EffectNarrowed
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE trash SET legal_hold = $1 WHERE workspace_id = $2 AND id = $3 AND legal_hold <> $1`, value, s.WorkspaceID, e.id)
	if err != nil {
		return nil, fmt.Errorf("holding %s in the trash: %w", e.path, err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, fmt.Errorf("holding %s in the trash: %w", e.path, err)
	}
	if n > 0 {
		if err := s.Record(e.kind+"."+action, e.target(), effect, nil, nil, "in the trash"); err != nil {
			return nil, err
		}
	}
	if e, err = findEntry(ctx, s, id); err != nil {
		return nil, err
	}
	days, err := trashDays(ctx, s)
	if err != nil {
		return nil, err
	}
	out, err := e.view(ctx, s, days)
	return &out, err
}

func (e *entry) target() audit.Target { return audit.Target{Kind: e.kind, ID: e.id, Key: e.path} }

// forget deletes an item in the trash and all that is on its shelf.
func forget(ctx context.Context, s *object.Scope, e *entry, why string) error {
	if err := takeOut(ctx, s, e); err != nil {
		return err
	}
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM sealed_secret WHERE workspace_id = $1 AND object_id IN (SELECT id FROM trash_row WHERE workspace_id = $1 AND shelf = $2)`, s.WorkspaceID, e.id); err != nil {
		return fmt.Errorf("removing secrets: %w", err)
	}
	if err := s.ClearShelf(ctx, e.id); err != nil {
		return err
	}
	if err := review.Forget(ctx, s, e.id); err != nil {
		return err
	}
	return s.Record(e.kind+".purged", e.target(), audit.EffectNeutral, nil, nil, why)
}

// purgeAtOnce bounds what one transaction of the job deletes.
const purgeAtOnce = 200

// PurgeTrash deletes for good what has been in the trash for as long as the retention
// policy of its workspace says, and answers how many items. Replicas may race.
func PurgeTrash(ctx context.Context, svc *object.Service) (int, error) {
	var workspaces []string
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		workspaces = nil
		rows, err := tx.QueryContext(ctx, `SELECT id FROM workspace WHERE EXISTS (SELECT 1 FROM trash WHERE trash.workspace_id = workspace.id)`)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				return err
			}
			workspaces = append(workspaces, id)
		}
		return rows.Err()
	})
	if err != nil {
		return 0, fmt.Errorf("looking for trash: %w", err)
	}
	purged := 0
	for _, id := range workspaces {
		for {
			var n int
			err := svc.Do(ctx, object.System(id), func(s *object.Scope) (err error) {
				n, err = purgeDue(ctx, s)
				return err
			})
			if err != nil {
				return purged, fmt.Errorf("emptying the trash of %s: %w", id, err)
			}
			purged += n
			if n < purgeAtOnce {
				break
			}
		}
	}
	return purged, nil
}

func purgeDue(ctx context.Context, s *object.Scope) (int, error) {
	days, err := trashDays(ctx, s)
	if err != nil {
		return 0, err
	}
	until := s.Now.AddDate(0, 0, -int(days)).UnixMicro()
	due, err := dueEntries(ctx, s, until)
	if err != nil || len(due) == 0 {
		return 0, err
	}
	// The lock, so that neither a restoration nor another replica is in the middle; and
	// what they left.
	if err := s.BumpAuthz(ctx); err != nil {
		return 0, err
	}
	if due, err = dueEntries(ctx, s, until); err != nil {
		return 0, err
	}
	for _, e := range due {
		if err := forget(ctx, s, e, fmt.Sprintf("%d days in the trash are over", days)); err != nil {
			return 0, err
		}
	}
	return len(due), nil
}

func dueEntries(ctx context.Context, s *object.Scope, until int64) ([]*entry, error) {
	return entries(ctx, s, `SELECT `+entryColumns+` FROM trash WHERE workspace_id = $1 AND trashed_at <= $2 AND legal_hold = 0 ORDER BY trashed_at, id LIMIT $3`, s.WorkspaceID, until, purgeAtOnce)
}
