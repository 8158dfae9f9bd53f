package notice

import (
	"context"
	"errors"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// How often the parts of a worker look for work.
const (
	consumeEvery = time.Second
	digestEvery  = time.Minute
	tidyEvery    = time.Hour
)

// Worker does everything that happens by itself. Every replica may run one.
type Worker struct {
	Service *object.Service
	// Mail hands letters over.
	Mail mail.Sender
	// Poster posts to channels; one that refuses private addresses when nil.
	Poster *Poster
}

// Run works until the context ends.
func (w *Worker) Run(ctx context.Context) {
	delivering := make(chan struct{})
	go func() {
		defer close(delivering)
		w.Queue().Run(ctx)
	}()
	tick := time.NewTicker(consumeEvery)
	defer tick.Stop()
	var digested, tidied time.Time
	for {
		now := time.Now()
		w.report(ctx, "telling people what happened", func() error { _, err := w.Consume(ctx); return err })
		if now.Sub(digested) >= digestEvery {
			digested = now
			w.report(ctx, "sending digests", func() error { _, err := w.Digest(ctx); return err })
		}
		if now.Sub(tidied) >= tidyEvery {
			tidied = now
			w.report(ctx, "warning of what is about to end", func() error { _, err := w.Warn(ctx); return err })
			w.report(ctx, "purging notifications", func() error { return Purge(ctx, w.Service) })
		}
		select {
		case <-ctx.Done():
			<-delivering
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

// Queue delivers what is queued.
func (w *Worker) Queue() *queue.Worker {
	poster := w.Poster
	if poster == nil {
		poster = NewPoster()
	}
	return &queue.Worker{Service: w.Service, Routes: map[string]queue.Route{mail.RouteName: mail.Route(w.Mail), channelRoute: poster.route(w.Service)}}
}
