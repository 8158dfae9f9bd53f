package sharing

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Bounds of one run of PurgeVisits; what is left over goes in the next.
const (
	visitBatch   = 1000
	visitBatches = 100
)

// overFor is how long sessions, codes and counters that are over are kept: until no
// clock that is set back makes them count again.
const overFor = 48 * time.Hour

// defaultTombstone is retention_policy.link_tombstone_days where nobody declared one.
const defaultTombstone = 400

// PurgeVisits deletes what visitors left behind and nobody needs any longer: sessions,
// codes and counters that are over, and everything about links that were deleted
// longer ago than the retention policy of their workspace keeps the record. The server
// calls it now and then; replicas may race.
func PurgeVisits(ctx context.Context, svc *object.Service) (int64, error) {
	now := svc.Clock().UTC()
	var purged int64
	for _, one := range []struct{ table, keys, over string }{
		{"link_session", "hash", "expires_at"},
		{"link_code", "workspace_id, link_id, email", "expires_at"},
		{"link_throttle", "workspace_id, subject", "window_end"},
	} {
		text := `DELETE FROM ` + one.table + ` WHERE (` + one.keys + `) IN (SELECT ` + one.keys + ` FROM ` + one.table + ` WHERE ` + one.over + ` < $1 ORDER BY ` + one.over + ` LIMIT $2)`
		n, err := purgeInBatches(ctx, svc, text, now.Add(-overFor).UnixMicro(), visitBatch)
		purged += n
		if err != nil {
			return purged, err
		}
	}
	cutoffs, err := object.Cutoffs(ctx, svc, api.RetentionPolicyKind, defaultTombstone, func(p *api.RetentionPolicy) int64 { return p.LinkTombstoneDays })
	if err != nil {
		return purged, err
	}
	for workspace, cutoff := range cutoffs {
		n, err := purgeTombstones(ctx, svc, workspace, cutoff)
		purged += n
		if err != nil {
			return purged, err
		}
	}
	return purged, nil
}

// purgeTombstones deletes the traces of links that are gone, a few links at a time. The
// hashes of their tokens go with them: until then their URLs answer that access was
// taken away.
func purgeTombstones(ctx context.Context, svc *object.Service, workspace string, cutoff time.Time) (purged int64, err error) {
	for range visitBatches {
		var links []string
		err := svc.DB.Write(ctx, func(tx *store.Tx) (err error) {
			if links, err = goneLinks(ctx, tx, workspace, cutoff); err != nil {
				return err
			}
			for _, link := range links {
				for _, table := range []string{"link_view", "link_use", "link_token", "link_session", "link_gone"} {
					if _, err := tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1 AND link_id = $2`, workspace, link); err != nil {
						return fmt.Errorf("purging what is left of a link: %w", err)
					}
				}
			}
			return nil
		})
		purged += int64(len(links))
		if err != nil || len(links) < goneBatch {
			return purged, err
		}
	}
	return purged, nil
}

// goneBatch is how many links' traces go in one transaction.
const goneBatch = 50

func goneLinks(ctx context.Context, tx *store.Tx, workspace string, cutoff time.Time) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT link_id FROM link_gone WHERE workspace_id = $1 AND gone_at < $2 ORDER BY gone_at LIMIT $3`, workspace, cutoff.UnixMicro(), goneBatch)
	if err != nil {
		return nil, fmt.Errorf("looking for deleted links: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("looking for deleted links: %w", err)
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

func purgeInBatches(ctx context.Context, svc *object.Service, text string, args ...any) (purged int64, err error) {
	for range visitBatches {
		var n int64
		err := svc.DB.Write(ctx, func(tx *store.Tx) error {
			res, err := tx.ExecContext(ctx, text, args...)
			if err != nil {
				return fmt.Errorf("purging visits: %w", err)
			}
			n, err = res.RowsAffected()
			return err
		})
		purged += n
		if err != nil || n < visitBatch {
			return purged, err
		}
	}
	return purged, nil
}
