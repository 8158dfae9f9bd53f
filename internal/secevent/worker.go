package secevent

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	interval  = time.Second
	tidyEvery = time.Hour
	// keepFinished is how long deliveries are listed after they arrived or were given up.
	keepFinished = 30 * 24 * time.Hour
)

// Worker does everything that happens by itself. Every replica may run one.
type Worker struct {
	Service *object.Service
	// Client pushes tokens: one of package outbound.
	Client *http.Client
}

// Run works until the context ends.
func (w *Worker) Run(ctx context.Context) {
	delivering := make(chan struct{})
	go func() {
		defer close(delivering)
		w.each(ctx, func() {
			w.report(ctx, "pushing security events", func() error { _, err := w.Deliver(ctx); return err })
		})
	}()
	var tidied time.Time
	w.each(ctx, func() {
		w.report(ctx, "making signing keys", func() error { return w.EnsureKeys(ctx) })
		w.report(ctx, "telling receivers what happened", func() error { _, err := w.Consume(ctx); return err })
		if now := time.Now(); now.Sub(tidied) >= tidyEvery {
			tidied = now
			w.report(ctx, "purging security events", func() error { return Purge(ctx, w.Service) })
		}
	})
	<-delivering
}

func (w *Worker) each(ctx context.Context, f func()) {
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		f()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (w *Worker) report(ctx context.Context, what string, f func() error) {
	if err := f(); err != nil && !errors.Is(err, context.Canceled) && ctx.Err() == nil {
		w.Service.Log.ErrorContext(ctx, what, "error", err)
	}
}

// Purge deletes deliveries that were finished long ago, and keys that are published no
// longer.
func Purge(ctx context.Context, svc *object.Service) error {
	if err := purgeKeys(ctx, svc); err != nil {
		return err
	}
	const batch = 1000
	before := svc.Clock().UTC().Add(-keepFinished).UnixMicro()
	for {
		var n int64
		err := svc.DB.Write(ctx, func(tx *store.Tx) error {
			res, err := tx.ExecContext(ctx, `DELETE FROM security_event WHERE (workspace_id, id) IN
				(SELECT workspace_id, id FROM security_event WHERE state <> 'queued' AND finished_at < $1 ORDER BY finished_at, id LIMIT $2)`, before, batch)
			if err != nil {
				return err
			}
			n, err = res.RowsAffected()
			return err
		})
		if err != nil {
			return fmt.Errorf("purging security events: %w", err)
		}
		if n < batch {
			return nil
		}
	}
}
