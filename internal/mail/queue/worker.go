package queue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Times of a worker. Attempts grow apart up to maxPause, and end after a day or so.
const (
	defaultInterval = time.Second
	lease           = 5 * time.Minute
	attemptTimeout  = 30 * time.Second
	firstPause      = 30 * time.Second
	maxPause        = time.Hour
	MaxAttempts     = 32
	batch           = 20
	parallel        = 4
)

// Route delivers one sort of message.
type Route struct {
	// Deliver tries once. An error means another attempt later, one made by Permanent
	// none. The error is logged and audited: no secret may be in it.
	Deliver func(context.Context, Item) error
	// Target names who or what it was for in the audit log when it is given up.
	Target func(Item) audit.Target
}

// Worker delivers what is queued. Every replica may run one.
type Worker struct {
	Service *object.Service
	// Routes by name; the action that tells of a message given up is <name>.failed.
	Routes map[string]Route
	// Interval between looks at the queue; one second if 0.
	Interval time.Duration
}

type permanent struct{ error }

func (p permanent) Unwrap() error { return p.error }

// Permanent marks an error that trying again will not mend.
func Permanent(err error) error { return permanent{err} }

// Pause is how long a message waits after an attempt that failed, the first being 1.
func Pause(attempt int) time.Duration {
	pause := firstPause
	for range attempt - 1 {
		if pause *= 2; pause >= maxPause {
			return maxPause
		}
	}
	return pause
}

// Run delivers until the context ends.
func (w *Worker) Run(ctx context.Context) {
	interval := w.Interval
	if interval <= 0 {
		interval = defaultInterval
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if _, err := w.Once(ctx); err != nil && ctx.Err() == nil {
			w.Service.Log.ErrorContext(ctx, "delivering messages", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Once tries everything that is due now and answers how many messages it tried.
func (w *Worker) Once(ctx context.Context) (int, error) {
	tried := 0
	var errs []error
	for name, route := range w.Routes {
		for ctx.Err() == nil {
			rows, err := w.claim(ctx, name)
			if err != nil {
				errs = append(errs, err)
				break
			}
			if len(rows) == 0 {
				break
			}
			tried += len(rows)
			if err := w.deliverAll(ctx, name, route, rows); err != nil {
				errs = append(errs, err)
			}
		}
	}
	return tried, errors.Join(errs...)
}

const rowColumns = "workspace_id, id, member_id, sealed, attempts, next_attempt_at, until, created_at"

type row struct {
	workspace, id, member, sealed   string
	attempts                        int
	nextAttempt, until, createdAtUS int64
	lease                           string
}

func scanRows(rows *sql.Rows) ([]row, error) {
	defer func() { _ = rows.Close() }()
	var out []row
	for rows.Next() {
		var r row
		if err := rows.Scan(&r.workspace, &r.id, &r.member, &r.sealed, &r.attempts, &r.nextAttempt, &r.until, &r.createdAtUS); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}

func (r row) open(svc *object.Service) (Item, error) {
	item := Item{Workspace: r.workspace, ID: r.id, Member: r.member, Attempts: r.attempts, CreatedAt: time.UnixMicro(r.createdAtUS).UTC()}
	body, err := svc.Vault.Open(r.workspace+"/delivery/"+r.id, r.sealed)
	item.Body = json.RawMessage(body)
	return item, err
}

// claim takes rows that are due, for the length of a lease. Who comes second changes
// no row, because the time that it read has moved: one text serves both engines.
func (w *Worker) claim(ctx context.Context, route string) ([]row, error) {
	now := w.Service.Clock().UTC()
	var due []row
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT `+rowColumns+` FROM delivery WHERE state = 'queued' AND route = $1 AND next_attempt_at <= $2 ORDER BY next_attempt_at, id LIMIT $3`, route, now.UnixMicro(), batch)
		if err != nil {
			return err
		}
		due, err = scanRows(rows)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("looking for messages that are due: %w", err)
	}
	if len(due) == 0 {
		return nil, nil
	}
	token, end := rand.Text(), now.Add(lease).UnixMicro()
	var mine []row
	err = w.Service.DB.Write(ctx, func(tx *store.Tx) error {
		mine = nil
		for _, r := range due {
			res, err := tx.ExecContext(ctx, `UPDATE delivery SET lease = $4, next_attempt_at = $5 WHERE workspace_id = $1 AND id = $2 AND state = 'queued' AND next_attempt_at = $3`,
				r.workspace, r.id, r.nextAttempt, token, end)
			if err != nil {
				return err
			}
			if n, err := res.RowsAffected(); err != nil || n == 0 {
				if err != nil {
					return err
				}
				continue
			}
			r.lease, r.nextAttempt = token, end
			mine = append(mine, r)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking messages that are due: %w", err)
	}
	return mine, nil
}

func (w *Worker) deliverAll(ctx context.Context, name string, route Route, rows []row) error {
	var wg sync.WaitGroup
	errs := make([]error, len(rows))
	slots := make(chan struct{}, parallel)
	for i, r := range rows {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			errs[i] = w.deliver(ctx, name, route, r)
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

func (w *Worker) deliver(ctx context.Context, name string, route Route, r row) error {
	now := w.Service.Clock().UTC()
	if now.UnixMicro() >= r.nextAttempt {
		return nil // the others took so long that the lease is over
	}
	item, err := r.open(w.Service)
	if err != nil {
		return w.giveUp(ctx, name, route, r, item, errors.New("the message cannot be opened; the master key is another one"))
	}
	if r.until != 0 && now.UnixMicro() >= r.until {
		return w.giveUp(ctx, name, route, r, item, errors.New("it was of no use any more before it could be delivered"))
	}
	active, err := w.active(ctx, r)
	if err != nil {
		return err
	}
	if !active {
		return w.giveUp(ctx, name, route, r, item, errors.New("its recipient is suspended"))
	}
	attempt, cancel := context.WithTimeout(ctx, attemptTimeout)
	err = route.Deliver(attempt, item)
	cancel()
	switch {
	case err == nil:
		return w.finish(ctx, r, "sent")
	case ctx.Err() != nil:
		return w.again(ctx, r, r.attempts, now) // stopped, not refused: the next worker may try at once
	}
	reason := plain(err)
	attempts := r.attempts + 1
	w.Service.Log.WarnContext(ctx, "a message was not delivered", "delivery", r.id, "route", name, "attempt", attempts, "error", reason)
	var final permanent
	if errors.As(err, &final) || attempts >= MaxAttempts {
		r.attempts = attempts
		return w.giveUp(ctx, name, route, r, item, errors.New(reason))
	}
	return w.again(ctx, r, attempts, w.Service.Clock().UTC().Add(Pause(attempts)))
}

// active reports whether the member that a message is for may still get it.
func (w *Worker) active(ctx context.Context, r row) (bool, error) {
	if r.member == "" {
		return true, nil
	}
	var active int64
	err := w.Service.DB.Read(ctx, func(tx *store.Tx) error {
		return tx.QueryRowContext(ctx, `SELECT active FROM member WHERE workspace_id = $1 AND id = $2`, r.workspace, r.member).Scan(&active)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("reading the recipient of a message: %w", err)
	}
	return active != 0, nil
}

// finish and again end the lease, if it is still ours. They do so even when the worker
// is being stopped: what arrived must not be sent once more.
func (w *Worker) finish(ctx context.Context, r row, state string) error {
	now := w.Service.Clock().UTC().UnixMicro()
	return w.end(ctx, `UPDATE delivery SET state = $4, sealed = '', lease = '', attempts = attempts + 1, finished_at = $5 WHERE workspace_id = $1 AND id = $2 AND lease = $3 AND state = 'queued'`, r, state, now)
}

func (w *Worker) again(ctx context.Context, r row, attempts int, next time.Time) error {
	return w.end(ctx, `UPDATE delivery SET lease = '', attempts = $4, next_attempt_at = $5 WHERE workspace_id = $1 AND id = $2 AND lease = $3 AND state = 'queued'`, r, attempts, next.UnixMicro())
}

func (w *Worker) end(ctx context.Context, text string, r row, args ...any) error {
	ctx = context.WithoutCancel(ctx)
	err := w.Service.DB.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.ExecContext(ctx, text, append([]any{r.workspace, r.id, r.lease}, args...)...)
		return err
	})
	if err != nil {
		return fmt.Errorf("noting what became of message %s: %w", r.id, err)
	}
	return nil
}

// giveUp ends a message that did not arrive, with its audit event in one transaction.
func (w *Worker) giveUp(ctx context.Context, name string, route Route, r row, item Item, why error) error {
	ctx = context.WithoutCancel(ctx)
	err := w.Service.Do(ctx, object.System(r.workspace), func(s *object.Scope) error {
		res, err := s.Tx.ExecContext(ctx, `UPDATE delivery SET state = 'failed', sealed = '', lease = '', attempts = $4, finished_at = $5 WHERE workspace_id = $1 AND id = $2 AND lease = $3 AND state = 'queued'`,
			r.workspace, r.id, r.lease, r.attempts, s.Now.UnixMicro())
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		target := audit.Target{Kind: name, ID: r.id}
		if route.Target != nil && len(item.Body) > 0 {
			target = route.Target(item)
		}
		return s.Record(name+".failed", target, audit.EffectNeutral, nil, map[string]any{"delivery": r.id, "attempts": r.attempts}, why.Error())
	})
	if err != nil {
		return fmt.Errorf("giving up message %s: %w", r.id, err)
	}
	return nil
}

const maxReason = 300

// plain makes an error fit for a log: one line of bounded length.
func plain(err error) string {
	text := strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, err.Error())
	if len(text) > maxReason {
		text = strings.ToValidUTF8(text[:maxReason], "") + "…"
	}
	return text
}
