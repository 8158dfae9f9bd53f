package notice

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Warn writes an event for each share link that is about to end, once for each end that
// it was given (C083), and answers how many. The event is told like any other.
func (w *Worker) Warn(ctx context.Context) (int, error) {
	workspaces, err := w.Service.Workspaces(ctx)
	if err != nil {
		return 0, err
	}
	total := 0
	var errs []error
	for _, id := range workspaces {
		n := 0
		err := w.Service.Do(ctx, object.System(id), func(s *object.Scope) (err error) {
			n, err = warnIn(ctx, s)
			return err
		})
		if err != nil {
			errs = append(errs, fmt.Errorf("warning of links in %s: %w", id, err))
			continue
		}
		total += n
	}
	return total, errors.Join(errs...)
}

// ending is a link that is about to end.
type ending struct {
	id, key string
	expires int64
}

const maxWarnings = 500

func warnIn(ctx context.Context, s *object.Scope) (int, error) {
	policy, err := Policy(ctx, s)
	if err != nil {
		return 0, err
	}
	horizon := s.Now.Add(time.Duration(policy.ExpiryWarningDays) * 24 * time.Hour)
	rows, err := s.Tx.QueryContext(ctx, `SELECT l.id, l.key, l.expires_at FROM share_link l
		WHERE l.workspace_id = $1 AND l.expires_at > $2 AND l.expires_at <= $3 AND l.state = 'active'
		AND NOT EXISTS (SELECT 1 FROM notice_once o WHERE o.workspace_id = l.workspace_id AND o.what = 'ending/' || l.id || '/' || CAST(l.expires_at AS TEXT))
		ORDER BY l.expires_at, l.key LIMIT $4`, s.WorkspaceID, s.Now.UnixMicro(), horizon.UnixMicro(), maxWarnings)
	if err != nil {
		return 0, fmt.Errorf("looking for links that are about to end: %w", err)
	}
	links, err := endings(rows)
	if err != nil {
		return 0, fmt.Errorf("looking for links that are about to end: %w", err)
	}
	warned := 0
	for _, l := range links {
		first, err := once(ctx, s, "ending/"+l.id+"/"+strconv.FormatInt(l.expires, 10))
		if err != nil {
			return warned, err
		}
		if !first {
			continue // another replica was faster
		}
		warned++
		after := map[string]string{"expires_at": time.UnixMicro(l.expires).UTC().Format(time.RFC3339)}
		if err := s.Record(actionExpiring, audit.Target{Kind: api.ShareLinkKind.Name, ID: l.id, Key: l.key}, audit.EffectNeutral, nil, after); err != nil {
			return warned, err
		}
	}
	return warned, nil
}

func endings(rows *sql.Rows) ([]ending, error) {
	defer func() { _ = rows.Close() }()
	var out []ending
	for rows.Next() {
		var l ending
		if err := rows.Scan(&l.id, &l.key, &l.expires); err != nil {
			return nil, err
		}
		out = append(out, l)
	}
	return out, rows.Err()
}

// How long things are kept that nobody needs any more.
const (
	keepRead   = 90 * 24 * time.Hour
	keepUnread = 365 * 24 * time.Hour
	// keepOnce is longer than any link lasts that somebody could look at again.
	keepOnce   = 3 * 365 * 24 * time.Hour
	purgeBatch = 1000
)

// Purge deletes notifications that were read, and messages that arrived or were given
// up, 90 days ago; and those that nobody read in a year.
func Purge(ctx context.Context, svc *object.Service) error {
	now := svc.Clock().UTC()
	for _, p := range []struct {
		text   string
		before time.Duration
	}{
		{`DELETE FROM notification WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM notification WHERE occurred_at < $1 AND read_at <> 0 AND read_at < $1 ORDER BY occurred_at, id LIMIT $2)`, keepRead},
		{`DELETE FROM notification WHERE (workspace_id, id) IN (SELECT workspace_id, id FROM notification WHERE occurred_at < $1 ORDER BY occurred_at, id LIMIT $2)`, keepUnread},
		{`DELETE FROM notice_once WHERE (workspace_id, what) IN (SELECT workspace_id, what FROM notice_once WHERE told_at < $1 ORDER BY told_at LIMIT $2)`, keepOnce},
	} {
		for n := int64(purgeBatch); n == purgeBatch; {
			err := svc.DB.Write(ctx, func(tx *store.Tx) error {
				res, err := tx.ExecContext(ctx, p.text, now.Add(-p.before).UnixMicro(), purgeBatch)
				if err != nil {
					return err
				}
				n, err = res.RowsAffected()
				return err
			})
			if err != nil {
				return fmt.Errorf("purging notifications: %w", err)
			}
		}
	}
	_, err := queue.PurgeFinished(ctx, svc, now.Add(-keepRead))
	return err
}
