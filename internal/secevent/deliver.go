package secevent

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	lease     = 5 * time.Minute
	turn      = 2 * time.Minute // how long one worker goes on with one receiver
	batch     = 50              // events of one turn
	receivers = 20              // claimed at once
	parallel  = 4

	firstPause = 5 * time.Second
	maxPause   = 15 * time.Minute
	// slowPause is for what somebody has to mend; changing the receiver ends it.
	slowPause = 15 * time.Minute
	// giveUpAfter is how long an event waits for its receiver.
	giveUpAfter = 7 * 24 * time.Hour
)

// Pause is how long a receiver is left alone after failures in a row.
func Pause(failures int64) time.Duration {
	pause := firstPause
	for range min(failures-1, 20) {
		if pause *= 2; pause >= maxPause {
			return maxPause
		}
	}
	return pause
}

// claim is a receiver whose events this worker delivers, for the length of a lease.
type claim struct {
	workspace, receiver string
	due, end            int64
	lease               string
	failures            int64
}

// Deliver sends what is due now and answers how many tokens it sent.
func (w *Worker) Deliver(ctx context.Context) (int, error) {
	sent := 0
	var errs []error
	for ctx.Err() == nil {
		claims, err := w.claim(ctx)
		if err != nil {
			return sent, errors.Join(append(errs, err)...)
		}
		if len(claims) == 0 {
			break
		}
		var wg sync.WaitGroup
		var mu sync.Mutex
		slots := make(chan struct{}, parallel)
		for _, c := range claims {
			slots <- struct{}{}
			wg.Go(func() {
				defer func() { <-slots }()
				n, err := w.deliver(ctx, c)
				mu.Lock()
				defer mu.Unlock()
				if sent += n; err != nil {
					errs = append(errs, fmt.Errorf("telling receiver %s: %w", c.receiver, err))
				}
			})
		}
		wg.Wait()
		if len(errs) > 0 {
			break
		}
	}
	return sent, errors.Join(errs...)
}

// eligible are events e that may be sent at $1: not those that wait for a time of their
// own, and not what came later about the same person.
const eligible = `e.state = 'queued' AND e.next_attempt_at <= $1 AND NOT EXISTS (SELECT 1 FROM security_event p WHERE p.workspace_id = e.workspace_id AND p.receiver_id = e.receiver_id
	AND p.subject = e.subject AND p.seq < e.seq AND p.state = 'queued' AND p.next_attempt_at > 0 AND p.next_attempt_at > $1)`

// claim takes receivers that something is due for. Who comes second changes no row,
// because the time that it read has moved: one text serves both engines.
func (w *Worker) claim(ctx context.Context) ([]claim, error) {
	now := w.Service.Clock().UTC()
	var due []claim
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		due = nil
		rows, err := tx.QueryContext(ctx, `SELECT r.workspace_id, r.receiver_id, r.next_attempt_at, r.failures FROM event_receiver_state r WHERE r.next_attempt_at <= $1
			AND EXISTS (SELECT 1 FROM security_event e WHERE e.workspace_id = r.workspace_id AND e.receiver_id = r.receiver_id AND `+eligible+`)
			ORDER BY r.next_attempt_at, r.receiver_id LIMIT $2`, now.UnixMicro(), receivers)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var c claim
			if err := rows.Scan(&c.workspace, &c.receiver, &c.due, &c.failures); err != nil {
				return err
			}
			due = append(due, c)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("looking for security events that are due: %w", err)
	}
	if len(due) == 0 {
		return nil, nil
	}
	var mine []claim
	end := now.Add(lease).UnixMicro()
	err = w.Service.DB.Write(ctx, func(tx *store.Tx) error {
		mine = nil
		for _, c := range due {
			c.lease, c.end = rand.Text(), end
			res, err := tx.ExecContext(ctx, `UPDATE event_receiver_state SET lease = $4, next_attempt_at = $5 WHERE workspace_id = $1 AND receiver_id = $2 AND next_attempt_at = $3`,
				c.workspace, c.receiver, c.due, c.lease, c.end)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				if err != nil {
					return err
				}
				continue
			}
			mine = append(mine, c)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking security events that are due: %w", err)
	}
	return mine, nil
}

// parcel is an event that is due, and what became of it.
type parcel struct {
	id, subject, event, sealed string
	attempts, created          int64

	tried bool
	state string // sent or failed; "" while it waits
	error string
	next  int64
}

// route is all that is needed to send to a receiver.
type route struct {
	receiver *api.EventReceiver
	header   string
	key      *signingKey
	parcels  []*parcel
}

// load reads a receiver and its events that may be sent, in order.
func (w *Worker) load(ctx context.Context, c claim) (*route, error) {
	r := &route{}
	err := w.Service.View(ctx, object.System(c.workspace), func(s *object.Scope) error {
		var err error
		if r, err = routeOf(ctx, s, c.receiver); err != nil || !r.receiver.Enabled {
			return err
		}
		rows, err := s.Tx.QueryContext(ctx, `SELECT e.id, e.subject, e.event, e.sealed, e.attempts, e.created_at FROM security_event e
			WHERE e.workspace_id = $2 AND e.receiver_id = $3 AND `+eligible+` ORDER BY e.seq, e.id LIMIT $4`, s.Now.UnixMicro(), c.workspace, c.receiver, batch)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			p := &parcel{}
			if err := rows.Scan(&p.id, &p.subject, &p.event, &p.sealed, &p.attempts, &p.created); err != nil {
				return err
			}
			r.parcels = append(r.parcels, p)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("reading what is due: %w", err)
	}
	return r, nil
}

// routeOf reads what is needed to send to a receiver.
func routeOf(ctx context.Context, s *object.Scope, ref string) (*route, error) {
	obj, err := s.Get(ctx, api.EventReceiverKind, ref)
	if err != nil {
		return nil, err
	}
	r := &route{receiver: obj.(*api.EventReceiver)}
	if r.header, err = s.Secret(ctx, r.receiver.ID, secretHeader); err != nil {
		return nil, err
	}
	r.key, err = keyNow(ctx, s, r.receiver.SigningAlgorithm)
	return r, err
}

// deliver sends the events of one receiver, in order.
func (w *Worker) deliver(ctx context.Context, c claim) (int, error) {
	r, err := w.load(ctx, c)
	if err == nil && r.key == nil {
		if err = ensureKey(ctx, w.Service, c.workspace, r.receiver.SigningAlgorithm); err == nil {
			r, err = w.load(ctx, c)
		}
	}
	var gone *api.Problem
	if errors.As(err, &gone) {
		return 0, nil // the receiver was deleted, and its rows with it
	}
	if err != nil {
		return 0, err
	}
	o := w.tour(ctx, c.workspace, r)
	return o.sent, w.settle(ctx, c, r, o)
}
