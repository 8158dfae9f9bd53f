package provisioning

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Bounds of one run of PurgeEvents in one workspace; what is left over goes in the
// next. Small transactions let pushes pass between them.
const (
	purgeBatch   = 1000
	purgeBatches = 100
)

// defaultRetention is that of audit_policy.retention_days where nobody declared one.
const defaultRetention = 365

// PurgeEvents deletes what was pushed longer ago than the audit policy of its
// workspace keeps events (C050), and answers how many events went. They hold personal
// data as the identity provider sent it. The server calls it now and then; replicas
// may race.
func PurgeEvents(ctx context.Context, svc *object.Service) (int64, error) {
	cutoffs, err := object.Cutoffs(ctx, svc, api.AuditPolicyKind, defaultRetention, func(p *api.AuditPolicy) int64 { return p.RetentionDays })
	if err != nil {
		return 0, err
	}
	var purged int64
	for workspace, cutoff := range cutoffs {
		for range purgeBatches {
			n, err := purgeOnce(ctx, svc, workspace, cutoff)
			purged += n
			if err != nil {
				return purged, err
			}
			if n < purgeBatch {
				break
			}
		}
	}
	return purged, nil
}

func purgeOnce(ctx context.Context, svc *object.Service, workspace string, cutoff time.Time) (n int64, err error) {
	err = svc.DB.Write(ctx, func(tx *store.Tx) error {
		res, err := tx.ExecContext(ctx, `DELETE FROM provisioning_event WHERE workspace_id = $1 AND id IN
			(SELECT id FROM provisioning_event WHERE workspace_id = $1 AND occurred_at < $2 ORDER BY occurred_at, id LIMIT $3)`, workspace, cutoff.UnixMicro(), purgeBatch)
		if err != nil {
			return fmt.Errorf("purging provisioning events: %w", err)
		}
		n, err = res.RowsAffected()
		return err
	})
	return n, err
}
