package queue

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// maxBody bounds what one row says.
const maxBody = 256 << 10

// Options of a message.
type Options struct {
	// Member is the id of the member that it is for; "" for people outside and for
	// channels. Nothing reaches a member who is suspended by then.
	Member string
	// Until is when it is of no use any more, such as the end of a code that it tells.
	Until time.Time
}

// Add queues a message on a route, in the transaction of the scope, and answers its id.
func Add(ctx context.Context, s *object.Scope, route string, body any, o Options) (string, error) {
	raw, err := json.Marshal(body)
	if err != nil {
		return "", fmt.Errorf("encoding a message: %w", err)
	}
	if len(raw) > maxBody {
		return "", fmt.Errorf("a message of %d bytes is too long to be queued", len(raw))
	}
	id := store.NewID("dlv", s.Now)
	var until int64
	if !o.Until.IsZero() {
		until = o.Until.UnixMicro()
	}
	now := s.Now.UnixMicro()
	_, err = s.Tx.ExecContext(ctx, `INSERT INTO delivery (workspace_id, id, route, member_id, state, sealed, attempts, next_attempt_at, lease, until, created_at, finished_at)
		VALUES ($1, $2, $3, $4, 'queued', $5, 0, $6, '', $7, $6, 0)`, s.WorkspaceID, id, route, o.Member, s.Seal("delivery/"+id, string(raw)), now, until)
	if err != nil {
		return "", fmt.Errorf("queueing a message: %w", err)
	}
	return id, nil
}

// Item is a message on its way.
type Item struct {
	Workspace string // id
	ID        string // the same at every attempt
	Member    string
	Attempts  int // before this one
	CreatedAt time.Time
	Body      json.RawMessage
}

// Waiting reads what is queued on a route, oldest first: tests look at it.
func Waiting(ctx context.Context, svc *object.Service, route string) ([]Item, error) {
	var out []Item
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		out = nil
		rows, err := tx.QueryContext(ctx, `SELECT `+rowColumns+` FROM delivery WHERE state = 'queued' AND route = $1 ORDER BY id`, route)
		if err != nil {
			return err
		}
		all, err := scanRows(rows)
		if err != nil {
			return err
		}
		for _, r := range all {
			item, err := r.open(svc)
			if err != nil {
				return err
			}
			out = append(out, item)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the queue: %w", err)
	}
	return out, nil
}

// PurgeFinished deletes rows of messages that arrived, or were given up, before a time.
func PurgeFinished(ctx context.Context, svc *object.Service, before time.Time) (int64, error) {
	const batch = 1000
	var purged int64
	for {
		var n int64
		err := svc.DB.Write(ctx, func(tx *store.Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM delivery WHERE (workspace_id, id) IN
				(SELECT workspace_id, id FROM delivery WHERE state <> 'queued' AND finished_at < $1 ORDER BY finished_at, id LIMIT $2)`, before.UnixMicro(), batch)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil {
			return purged, fmt.Errorf("purging the queue: %w", err)
		}
		if purged += n; n < batch {
			return purged, nil
		}
	}
}
