package notice_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

var ctx = context.Background()

type doc = map[string]any

var noOptions object.WriteOptions

const (
	olga  = objecttest.OwnerEmail
	adam  = objecttest.AdminEmail
	mia   = objecttest.MemberEmail
	maxim = "max@example.com"
	// The project and its asset. The admin owns it, the members may edit; the owner of the
	// workspace has no part in it.
	project, clip = "/campaign", "/campaign/clip"
)

// world is a workspace with a project of the admin's.
type world struct {
	*objecttest.Fixture
	t      *testing.T
	Worker *notice.Worker
	Max    *object.Caller // another member
}

// each runs a test on both engines.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		w := &world{Fixture: f, t: t, Worker: &notice.Worker{Service: f.Service, Mail: &box{}}}
		w.Create(t, w.Owner, api.TeamKind, doc{"slug": "design", "name": "Design"})
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": project, "name": "Campaign", "team": "design", "owner": adam})
		w.Create(t, w.Owner, api.AssetKind, doc{"path": clip})
		w.Max = w.AddMember(t, w.Owner, maxim, "member")
		for _, who := range []string{mia, maxim} {
			w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": project, "principal": "member:" + who, "level": "edit"})
		}
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false})
		test(t, w)
	})
}

// box keeps what was sent.
type box struct {
	mu   sync.Mutex
	sent []mail.Message
}

func (b *box) Send(_ context.Context, _ string, _ time.Time, m mail.Message) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.sent = append(b.sent, m)
	return nil
}

func (w *world) do(c *object.Caller, f func(*object.Scope) error) {
	w.t.Helper()
	if err := w.Service.Do(ctx, c, f); err != nil {
		w.t.Fatal(err)
	}
}

// record writes an event as a capability does.
func (w *world) record(by *object.Caller, action string, target audit.Target, after any) {
	w.t.Helper()
	w.do(by, func(s *object.Scope) error { return s.Record(action, target, audit.EffectNeutral, nil, after) })
}

// tell seals and tells everything.
func (w *world) tell() {
	w.t.Helper()
	w.Seal(w.t)
	if _, err := w.Worker.Consume(ctx); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) page(c *object.Caller, unread bool, cursor string, limit int) *api.NotificationPage {
	w.t.Helper()
	var out *api.NotificationPage
	err := w.Service.View(ctx, c, func(s *object.Scope) (err error) {
		out, err = notice.Inbox(ctx, w.Service, s, unread, cursor, limit)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// inbox is what somebody was told, oldest first.
func (w *world) inbox(c *object.Caller) []string {
	w.t.Helper()
	out := []string{}
	for _, n := range w.page(c, false, "", 0).Items {
		out = append(out, n.Text)
	}
	slices.Reverse(out)
	return out
}

// mailed is the subjects that wait for somebody, with all mail taken out of the queue.
func (w *world) mailed() map[string][]string {
	w.t.Helper()
	out := map[string][]string{}
	for _, m := range mailtest.Outbox(w.t, w.Service) {
		out[m.To] = append(out[m.To], m.Subject)
	}
	if _, err := w.Worker.Queue().Once(ctx); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) prefer(c *object.Caller, p api.NotificationPreferences) {
	w.t.Helper()
	w.do(c, func(s *object.Scope) error {
		_, err := notice.SetPreferences(ctx, s, p)
		return err
	})
}

func (w *world) suspend(email string) {
	w.t.Helper()
	w.do(object.System(w.Workspace.ID), func(s *object.Scope) error { return people.Suspend(ctx, s, email, "leaver") })
}

// link is a share link of a member's.
func (w *world) link(by *object.Caller, name string, more doc) *api.ShareLink {
	w.t.Helper()
	d := doc{"resource": clip, "kind": "anyone", "name": name}
	for k, v := range more {
		d[k] = v
	}
	return w.Create(w.t, by, api.ShareLinkKind, d).(*api.ShareLink)
}

// look opens a link as a visitor with a browser of their own.
func (w *world) look(by *object.Caller, l *api.ShareLink, browser string) {
	w.t.Helper()
	var secret *api.ShareSecret
	w.do(by, func(s *object.Scope) (err error) {
		secret, err = sharing.IssueLinkSecret(ctx, s, l.ID, 0)
		return err
	})
	v := sharing.Visitor{IP: "192.0.2.7", Device: browser}
	session, landing, err := sharing.EnterLink(ctx, w.Service, secret.Secret, v, sharing.Answer{})
	if err != nil || session == "" {
		w.t.Fatalf("entering: %+v, %v", landing, err)
	}
	if _, err := sharing.Visit(ctx, w.Service, session, v); err != nil {
		w.t.Fatal(err)
	}
}

func count(list []string, part string) int {
	n := 0
	for _, s := range list {
		if strings.Contains(s, part) {
			n++
		}
	}
	return n
}

func mustJSON(t *testing.T, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func problem(err error) string {
	var p *api.Problem
	if errors.As(err, &p) {
		return string(p.Code())
	}
	return ""
}
