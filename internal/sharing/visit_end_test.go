package sharing_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// C074, C075: whatever is taken away from a link is gone with the next request.
func TestVisitsEndWithWhatTheyStoodOn(t *testing.T) {
	both := []string{visitorMail, strangerMail}
	day := 24 * time.Hour
	type step struct {
		name   string
		life   time.Duration
		end    func(w *world, l *api.ShareLink, again doc)
		reason string
		url    string // what the URL answers afterwards
	}
	put := func(w *world, l *api.ShareLink, d doc, k string, v any) {
		d[k] = v
		w.Put(w.t, w.Admin, api.ShareLinkKind, l.ID, d)
	}
	steps := []step{
		{name: "The link is deleted", end: func(w *world, l *api.ShareLink, _ doc) { w.Delete(w.t, w.Admin, api.ShareLinkKind, l.ID) }, reason: sharing.ClosedRevoked, url: sharing.ClosedRevoked},
		{name: "The link expires", life: time.Hour, end: func(w *world, _ *api.ShareLink, _ doc) { w.Advance(time.Hour) }, reason: sharing.ClosedExpired, url: sharing.ClosedExpired},
		{name: "A day passes", end: func(w *world, _ *api.ShareLink, _ doc) { w.Advance(day) }, reason: sharing.ClosedEnded},
		{name: "The link is given an earlier end", end: func(w *world, l *api.ShareLink, again doc) {
			put(w, l, again, "expires_at", w.Service.Clock().Add(time.Minute).UTC().Format(time.RFC3339Nano))
			w.Advance(time.Minute)
		}, reason: sharing.ClosedExpired, url: sharing.ClosedExpired},
		{name: "The recipient is taken off", end: func(w *world, l *api.ShareLink, again doc) { put(w, l, again, "recipients", []string{strangerMail}) }, reason: sharing.ClosedEnded},
		{name: "A password is set", end: func(w *world, l *api.ShareLink, again doc) {
			again["password_wo"] = thePassword
			put(w, l, again, "password_wo_version", 1)
		}, reason: sharing.ClosedEnded},
		{name: "A new URL is made", end: func(w *world, l *api.ShareLink, _ doc) { w.token(l) }, reason: sharing.ClosedEnded, url: sharing.ClosedRevoked},
		{name: "The domain of all recipients is blocked, and that is enforced", end: func(w *world, _ *api.ShareLink, _ doc) {
			w.linkPolicy(doc{"blocked_domains": []string{"client.example"}, "existing_shares": "enforce"})
		}, reason: sharing.ClosedRevoked, url: sharing.ClosedRevoked},
		{name: "A recipient's domain is blocked, and the deadline passes", end: func(w *world, _ *api.ShareLink, _ doc) {
			w.linkPolicy(doc{"blocked_domains": []string{"client.example"}, "existing_shares": "grandfather", "grandfather_until": w.Service.Clock().Add(time.Hour).UTC().Format(time.RFC3339)})
			w.Advance(time.Hour)
		}, reason: sharing.ClosedDenied},
		{name: "The decision says no", end: func(w *world, _ *api.ShareLink, _ doc) {
			w.Create(w.t, w.Owner, api.AttributePolicyKind, doc{"name": "no-links", "effect": "deny", "permissions": []string{"asset.read"}, "condition": `context.authenticator == "link"`})
		}, reason: sharing.ClosedDenied},
	}
	linkWorld(t, func(t *testing.T, w *world) {
		for _, c := range steps {
			w.linkPolicy(doc{})
			d := linkDoc("/finance", "recipient", doc{"name": c.name, "recipients": both})
			if c.life > 0 {
				d["expires_at"] = w.Service.Clock().Add(c.life).UTC().Format(time.RFC3339Nano)
			}
			l := w.Create(t, w.Admin, api.ShareLinkKind, d).(*api.ShareLink)
			token := w.token(l)
			session := w.identify(token, browser, sharing.Answer{Email: visitorMail})
			w.visit(session, browser)
			c.end(w, l, d)
			w.wantClosed(session, c.reason)
			needs := sharing.NeedsEmail
			if c.url != "" {
				needs = ""
			}
			w.wantLanding(token, c.url, needs)
			if t.Failed() {
				t.Fatalf("when: %s", c.name)
			}
		}
	})
}

// X07: a policy that leaves existing shares alone ends no visit.
func TestPolicyForNewSharesLeavesVisitsAlone(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", nil))
		session, _ := w.enter(token, browser, sharing.Answer{})
		w.linkPolicy(doc{"public_links": "disabled", "external_sharing": "disabled"})
		w.visit(session, browser)
		w.wantLanding(token, "", sharing.NeedsNothing)
		w.linkPolicy(doc{"public_links": "disabled", "external_sharing": "disabled", "existing_shares": "grandfather", "grandfather_until": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
		w.visit(session, browser)
		w.Advance(61 * time.Minute)
		w.wantClosed(session, sharing.ClosedPolicy)
		w.wantLanding(token, sharing.ClosedPolicy, "")
		w.linkPolicy(doc{"public_links": "disabled", "external_sharing": "disabled", "existing_shares": "enforce"})
		w.wantClosed(session, sharing.ClosedRevoked)
	})
}

func TestClockThatIsSetBackKeepsNoVisitAlive(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.Advance(72 * time.Hour)
		l := w.link("/finance", "recipient", nil)
		token := w.token(l)
		session := w.identify(token, browser, sharing.Answer{Email: visitorMail})
		w.visit(session, browser)
		w.Advance(-72 * time.Hour)
		w.wantClosed(session, sharing.ClosedEnded)
		// A code and counters from the future stand in nobody's way.
		w.Advance(72 * time.Hour)
		w.enter(token, another, sharing.Answer{Email: visitorMail})
		w.Advance(-72 * time.Hour)
		w.visit(w.identify(token, browser, sharing.Answer{Email: visitorMail}), browser)
	})
}

// Revoking races requests: those that were answered before it may have been let in,
// none is after it has returned.
func TestRevokedLinkAnswersNoRequestAfterwards(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", nil)
		token := w.token(l)
		session, _ := w.enter(token, browser, sharing.Answer{})
		var revoked sync.WaitGroup
		revoked.Add(1)
		var visitors sync.WaitGroup
		for range 4 {
			visitors.Add(1)
			go func() {
				defer visitors.Done()
				for {
					_, err := sharing.Visit(ctx, w.Service, session, browser)
					if closed := (*sharing.Closed)(nil); errors.As(err, &closed) {
						break
					}
					if err != nil {
						t.Errorf("a visit during the revocation: %v", err)
						return
					}
				}
				revoked.Wait()
				if _, err := sharing.Visit(ctx, w.Service, session, browser); err == nil {
					t.Error("a visit was answered after the link was revoked")
				}
				if s, next, err := sharing.EnterLink(ctx, w.Service, token, browser, sharing.Answer{}); s != "" || err != nil || next.Closed != sharing.ClosedRevoked {
					t.Errorf("the URL answers %+v, %v after the link was revoked", next, err)
				}
			}()
		}
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		revoked.Done()
		visitors.Wait()
	})
}

// A password that is changed while somebody enters with the old one ends that visit.
func TestEnteringRacesAChangeOfThePassword(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		token := w.token(l)
		var sessions []string
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 4 {
			all.Add(1)
			go func() {
				defer all.Done()
				s, _, err := sharing.EnterLink(ctx, w.Service, token, browser, sharing.Answer{Password: thePassword})
				if err != nil {
					t.Errorf("entering: %v", err)
				}
				mu.Lock()
				defer mu.Unlock()
				if s != "" {
					sessions = append(sessions, s)
				}
			}()
		}
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", doc{"password_wo": "another password", "password_wo_version": 2}))
		all.Wait()
		for _, s := range sessions {
			w.wantClosed(s, sharing.ClosedEnded)
		}
		if s, _ := w.enter(token, browser, sharing.Answer{Password: "another password"}); s == "" {
			t.Error("the new password does not open the link")
		}
	})
}

// max_views counts visits: of many who come for the last one, one gets in.
func TestOneOfManyTakesTheLastVisit(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"max_views": 3})
		token := w.token(l)
		first, _ := w.enter(token, browser, sharing.Answer{})
		w.enter(token, browser, sharing.Answer{})
		var in, out int
		var mu sync.Mutex
		var all sync.WaitGroup
		for range 8 {
			all.Add(1)
			go func() {
				defer all.Done()
				s, next, err := sharing.EnterLink(ctx, w.Service, token, another, sharing.Answer{})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err != nil:
					t.Errorf("entering: %v", err)
				case s != "":
					in++
				case next.Closed == sharing.ClosedExhausted:
					out++
				default:
					t.Errorf("entering answers %+v", next)
				}
			}()
		}
		all.Wait()
		if in != 1 || out != 7 {
			t.Errorf("%d got in and %d did not, want 1 and 7", in, out)
		}
		w.visit(first, browser) // it was one of the three
		w.wantLanding(token, sharing.ClosedExhausted, "")
		if got := w.Get(t, w.Admin, api.ShareLinkKind, l.ID).(*api.ShareLink).State; got != api.LinkExhausted {
			t.Errorf("state = %q, want exhausted", got)
		}
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", doc{"max_views": 4}))
		w.wantLanding(token, "", sharing.NeedsNothing)
	})
}

func TestSessionOpensNothingInAnotherWorkspace(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", nil))
		session, _ := w.enter(token, browser, sharing.Answer{})
		_, theirs := w.NewWorkspace(t, "globex", "greta@example.net")
		ask := func(by *object.Caller) (out *api.ShareVisit) {
			err := w.Service.View(context.Background(), by, func(s *object.Scope) (err error) {
				out, err = sharing.IntrospectVisit(ctx, s, session, "")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
		if got := ask(theirs); got.Active || got.Viewer != "" || got.Link != "" {
			t.Errorf("another workspace learns %+v", got)
		}
		if got := ask(w.Owner); !got.Active || got.Resource != "/finance" || got.Level != "view" || len(got.Permissions) == 0 {
			t.Errorf("the link's workspace learns %+v", got)
		}
		for _, bad := range []string{"", "ghv_", token, "ghv_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"} {
			if _, err := sharing.Visit(ctx, w.Service, bad, browser); err == nil {
				t.Errorf("%q is a session", bad)
			}
		}
	})
}

// The audit log knows every refusal at a link, but is nobody's to fill.
func TestRefusalsAtALinkAreRecordedAFewTimes(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", nil)
		token := w.token(l)
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		for range 20 {
			w.wantLanding(token, sharing.ClosedRevoked, "")
		}
		denied := w.Events(t, audit.Filter{Action: "share_link.denied"})
		if len(denied) != 3 || denied[0].Actor.Kind != "viewer" || denied[0].IP != browser.IP {
			t.Errorf("%d events: %+v, want the first three", len(denied), denied)
		}
		w.Advance(time.Hour)
		w.wantLanding(token, sharing.ClosedRevoked, "")
		if got := len(w.Events(t, audit.Filter{Action: "share_link.denied"})); got != 4 {
			t.Errorf("%d events after an hour, want one more", got)
		}
	})
}
