package notice

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// stale events reach the inbox and nothing else: after a long outage nobody wants a
// hundred letters about last week.
const stale = 72 * time.Hour

// herald tells people of the events of one transaction.
type herald struct {
	scope    *object.Scope
	baseURL  string
	policy   *api.NotificationPolicy
	channels []*api.NotificationChannel
	loaded   bool
}

func (h *herald) load(ctx context.Context) (err error) {
	if h.loaded {
		return nil
	}
	if h.policy, err = Policy(ctx, h.scope); err != nil {
		return err
	}
	h.channels = nil
	err = object.Each(ctx, h.scope, api.NotificationChannelKind, func(c *api.NotificationChannel) error {
		if c.Enabled {
			h.channels = append(h.channels, c)
		}
		return nil
	})
	h.loaded = err == nil
	return err
}

func (h *herald) tell(ctx context.Context, e *audit.Event, t telling) error {
	if t.once != "" {
		first, err := once(ctx, h.scope, t.once)
		if err != nil || !first {
			return err
		}
	}
	if err := h.load(ctx); err != nil {
		return err
	}
	fresh := h.scope.Now.Sub(e.Time) < stale
	if fresh {
		if err := h.post(ctx, e, t); err != nil {
			return err
		}
	}
	told := map[string]bool{e.Actor.Kind + ":" + e.Actor.Key: true} // nobody is told what they did themselves
	for _, principal := range t.to {
		principal = strings.ToLower(principal)
		if told[principal] {
			continue
		}
		told[principal] = true
		if err := h.one(ctx, e, t, principal, fresh); err != nil {
			return err
		}
	}
	return nil
}

// once reports whether something is told for the first time, and notes that it was.
func once(ctx context.Context, s *object.Scope, what string) (bool, error) {
	res, err := s.Tx.ExecContext(ctx, `INSERT INTO notice_once (workspace_id, what, told_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, s.WorkspaceID, what, s.Now.UnixMicro())
	if err != nil {
		return false, fmt.Errorf("noting what was told: %w", err)
	}
	n, err := res.RowsAffected()
	return n == 1, err
}

// person is a member who may be told.
type person struct{ id, email string }

// one tells one principal.
func (h *herald) one(ctx context.Context, e *audit.Event, t telling, principal string, fresh bool) error {
	kind, key, _ := api.SplitPrincipal(principal)
	if kind != object.PrincipalMember && kind != "email" {
		return nil
	}
	if _, err := api.NormaliseEmail(key); err != nil {
		return nil //nolint:nilerr // nobody can be reached there
	}
	p, known, err := member(ctx, h.scope, key)
	if err != nil {
		return err
	}
	if !known && kind == object.PrincipalMember {
		// An address that was asked for, without an account: email: grants hold for it.
		principal = "email:" + key
	}
	if known {
		principal = "member:" + key
	}
	if known && p == nil {
		return nil // suspended
	}
	if sees, err := h.sees(ctx, t, principal, known); err != nil || !sees {
		return err
	}
	if !known {
		return h.outsider(ctx, e, t, key, fresh)
	}
	own, err := preferencesOf(ctx, h.scope, p.id)
	if err != nil {
		return err
	}
	want := effective(h.policy, own)
	muted := mutes(own, t.item)
	send := fresh && !muted && slices.Contains(want.EmailEvents, t.event)
	digest := !muted && !send && want.Digest == "daily"
	res, err := h.scope.Tx.ExecContext(ctx, `INSERT INTO notification (workspace_id, id, member_id, event_id, event, item, muted, occurred_at, read_at, digest)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9) ON CONFLICT DO NOTHING`,
		h.scope.WorkspaceID, store.NewID("ntf", h.scope.Now), p.id, e.ID, t.event, t.item, number(muted), e.Time.UnixMicro(), number(digest))
	if err != nil {
		return fmt.Errorf("writing a notification: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 || !send {
		return err
	}
	return h.write(ctx, e, t, mail.Message{To: p.email, Member: p.id})
}

// outsider is somebody without an account and so without an inbox: they get mail where
// somebody asked something of them.
func (h *herald) outsider(ctx context.Context, e *audit.Event, t telling, email string, fresh bool) error {
	if !fresh || t.event != api.EventReviewRequested && t.event != api.EventMention {
		return nil
	}
	return h.write(ctx, e, t, mail.Message{To: email})
}

func (h *herald) write(ctx context.Context, e *audit.Event, t telling, m mail.Message) error {
	text := sentence(t.event, t.item, e)
	m.Subject = strings.TrimSuffix(text, ".")
	var b strings.Builder
	b.WriteString(text + "\n")
	if h.baseURL != "" {
		fmt.Fprintf(&b, "\nWorkspace: %s at %s\n", h.scope.Slug, h.baseURL)
	}
	if m.Member != "" {
		b.WriteString("\nYou get this because of the notification settings of your workspace or your own. Your notification\npreferences turn such letters off, by event, and mute single items.\n")
	}
	m.Text = b.String()
	return mail.Send(ctx, h.scope, m)
}

// member finds an active member by address: nil when they are suspended, and whether
// there is one at all.
func member(ctx context.Context, s *object.Scope, email string) (*person, bool, error) {
	p := &person{email: email}
	var active int64
	err := s.Tx.QueryRowContext(ctx, `SELECT id, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&p.id, &active)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, false, nil
	case err != nil:
		return nil, false, fmt.Errorf("reading who is to be told: %w", err)
	case active == 0:
		return nil, true, nil
	}
	return p, true, nil
}

// sees reports whether a principal has any access to the item: a notice must not tell
// anybody that something exists. Conditions about the reader's device or network are
// not asked here, there is no reader yet; the text is only shown to who passes them.
func (h *herald) sees(ctx context.Context, t telling, principal string, known bool) (bool, error) {
	if t.item == "" || t.open {
		return known, nil
	}
	return hasLevel(ctx, h.scope, principal, t.item)
}

func hasLevel(ctx context.Context, s *object.Scope, principal, path string) (bool, error) {
	subject, err := s.Subject(ctx, principal)
	if err != nil {
		return false, err
	}
	item, err := s.Item(ctx, path)
	var p *api.Problem
	if errors.As(err, &p) {
		return false, nil // no item any more, or none that could be
	}
	if err != nil {
		return false, err
	}
	rc := access.RequestContext{Time: s.Now, MFAAge: -1}
	return s.Engine().EffectiveLevel(subject, item, &rc) > vocabulary.LevelNone, nil
}

func number(yes bool) int64 {
	if yes {
		return 1
	}
	return 0
}
