package secevent

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// outcome is what a turn says about the receiver itself.
type outcome struct {
	sent     int
	accepted bool          // it accepted something
	answered bool          // it accepted something, or refused it in an orderly way
	trouble  string        // why the receiver is left alone for a while; "" when it is not
	wait     time.Duration // for how long at least
	text     string        // the last thing that went wrong, with the receiver or an event
}

// tour sends one after the other until nothing is left or the receiver fails. When it
// fails on one event, an event about somebody else shows whether the receiver is the
// reason or the event.
func (w *Worker) tour(ctx context.Context, workspace string, r *route) outcome {
	var o outcome
	start := time.Now()
	var doubtful *parcel // the last event that failed, while others are still to be tried
	held := map[string]bool{}
	for _, p := range r.parcels {
		if ctx.Err() != nil || time.Since(start) > turn {
			break
		}
		if held[p.subject] {
			continue // what came later about the same person waits with it
		}
		now := w.Service.Clock().UTC()
		if now.Sub(time.UnixMicro(p.created)) >= giveUpAfter {
			p.state, p.error = "failed", "the receiver did not accept it within a week"
			continue
		}
		a := w.send(ctx, workspace, r, p)
		if ctx.Err() != nil && a.verdict != accepted {
			break // stopped, not refused: the next worker may try at once
		}
		o.sent++
		p.tried, p.error = true, a.text
		if a.text != "" {
			o.text = a.text
		}
		switch a.verdict {
		case accepted:
			p.state, o.accepted, o.answered = "sent", true, true
		case refused:
			p.state, o.answered = "failed", true
		case failed:
			if doubtful == nil && a.after == 0 {
				doubtful, held[p.subject] = p, true
				continue
			}
			o.trouble, o.wait = a.text, a.after
			return o
		case misconfigured:
			o.trouble, o.wait = a.text, max(a.after, slowPause)
			return o
		case unreachable:
			o.trouble = a.text
			return o
		}
		if doubtful != nil {
			// Others arrive: it is this event that the receiver chokes on.
			doubtful.next = now.Add(Pause(doubtful.attempts + 1)).UnixMicro()
			doubtful = nil
		}
	}
	if doubtful != nil {
		o.trouble = doubtful.error
	}
	return o
}

// send makes the token of an event and pushes it once.
func (w *Worker) send(ctx context.Context, workspace string, r *route, p *parcel) answer {
	text, err := w.Service.Vault.Open(workspace+"/"+eventPlace(p.id), p.sealed)
	var m message
	if err == nil {
		err = json.Unmarshal([]byte(text), &m)
	}
	if err != nil {
		return answer{verdict: refused, text: "the event cannot be opened; the master key is another one"}
	}
	if r.key == nil {
		return answer{verdict: failed, text: "there is no signing key yet"}
	}
	token, err := r.key.sign(m.claims(r.receiver.Issuer, r.receiver.Audience, p.id, time.UnixMicro(p.created)))
	if err != nil {
		return answer{verdict: failed, text: "the token could not be signed"}
	}
	return push(ctx, w.Client, r.receiver.URL, r.header, token)
}

// settle keeps what became of a turn, in one transaction, and ends the lease. It does so
// even when the worker is being stopped: what arrived must not be sent once more.
func (w *Worker) settle(ctx context.Context, c claim, r *route, o outcome) error {
	ctx = context.WithoutCancel(ctx)
	err := w.Service.Do(ctx, object.System(c.workspace), func(s *object.Scope) error {
		for _, p := range r.parcels {
			if err := p.keep(ctx, s, r.receiver); err != nil {
				return err
			}
		}
		return o.keep(ctx, s, c, len(r.parcels) == 0)
	})
	if err != nil {
		return fmt.Errorf("noting what became of security events: %w", err)
	}
	return nil
}

func (p *parcel) keep(ctx context.Context, s *object.Scope, r *api.EventReceiver) error {
	if p.state == "" && !p.tried {
		return nil
	}
	attempts := p.attempts
	if p.tried {
		attempts++
	}
	state, sealed, finished := "queued", p.sealed, int64(0)
	if p.state != "" {
		state, sealed, finished = p.state, "", s.Now.UnixMicro()
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE security_event SET state = $3, sealed = $4, attempts = $5, next_attempt_at = $6, error = $7, finished_at = $8 WHERE workspace_id = $1 AND id = $2 AND state = 'queued'`,
		s.WorkspaceID, p.id, state, sealed, attempts, p.next, p.error, finished)
	if err != nil {
		return err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 || p.state != "failed" {
		return err
	}
	return s.Record("security_event.failed", audit.Target{Kind: api.EventReceiverKind.Name, ID: r.ID, Key: r.Key}, audit.EffectNeutral, nil,
		map[string]any{"delivery": p.id, "event": p.event, "subject": p.subject}, p.error)
}

// keep writes how the receiver does. Who lost the lease meanwhile changes nothing.
func (o *outcome) keep(ctx context.Context, s *object.Scope, c claim, idle bool) error {
	now := s.Now
	next, failures := int64(0), int64(0)
	switch {
	case o.trouble != "":
		failures = c.failures + 1
		next = now.Add(max(o.wait, Pause(failures))).UnixMicro()
	case idle:
		// Another replica was here in between.
		next = now.Add(firstPause).UnixMicro()
	}
	set, args := "lease = '', next_attempt_at = $4, failures = $5", []any{s.WorkspaceID, c.receiver, c.lease, next, failures}
	add := func(text string, values ...any) {
		for _, v := range values {
			args = append(args, v)
			text = strings.Replace(text, "?", "$"+strconv.Itoa(len(args)), 1)
		}
		set += ", " + text
	}
	switch failures {
	case 0:
		add("failing_since = 0")
	case 1:
		add("failing_since = ?", now.UnixMicro())
	}
	if o.accepted {
		add("last_success_at = ?", now.UnixMicro())
	}
	if o.text != "" {
		add("last_error = ?, last_error_at = ?", o.text, now.UnixMicro())
	}
	_, err := s.Tx.ExecContext(ctx, `UPDATE event_receiver_state SET `+set+` WHERE workspace_id = $1 AND receiver_id = $2 AND lease = $3`, args...)
	return err
}
