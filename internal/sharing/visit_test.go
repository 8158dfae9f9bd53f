package sharing_test

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const (
	visitorMail  = "vera@client.example"
	strangerMail = "stan@client.example"
	thePassword  = "correct horse battery"
)

var (
	ctx     = context.Background()
	browser = sharing.Visitor{IP: "192.0.2.7", Device: "browser-1"}
	another = sharing.Visitor{IP: "192.0.2.8", Device: "browser-2"}
)

// linkWorld is the world where links of every kind may be made.
func linkWorld(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{})
		test(t, w)
	})
}

// linkPolicy sets a policy that allows every link, but for what is given.
func (w *world) linkPolicy(change doc) {
	w.t.Helper()
	policy := doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false}
	for k, v := range change {
		policy[k] = v
	}
	w.Put(w.t, w.Owner, api.SharingPolicyKind, "", policy)
}

func linkDoc(path, kind string, more doc) doc {
	d := doc{"resource": path, "kind": kind, "name": "Spring cut for Acme"}
	if kind == "recipient" {
		d["recipients"] = []string{visitorMail}
	}
	for k, v := range more {
		d[k] = v
	}
	return d
}

func (w *world) link(path, kind string, more doc) *api.ShareLink {
	w.t.Helper()
	return w.Create(w.t, w.Admin, api.ShareLinkKind, linkDoc(path, kind, more)).(*api.ShareLink)
}

func (w *world) token(l *api.ShareLink) string {
	w.t.Helper()
	var out *api.ShareSecret
	err := w.Service.Do(ctx, w.Admin, func(s *object.Scope) (err error) {
		out, err = sharing.IssueLinkSecret(ctx, s, l.ID, 0)
		return err
	})
	if err != nil {
		w.t.Fatalf("issuing the token of %s: %v", l, err)
	}
	return out.Secret
}

// enter answers a link and returns the session, "" when it asks for more.
func (w *world) enter(token string, v sharing.Visitor, a sharing.Answer) (string, *sharing.Landing) {
	w.t.Helper()
	session, next, err := sharing.EnterLink(ctx, w.Service, token, v, a)
	if err != nil {
		w.t.Fatalf("entering a link: %v", err)
	}
	if (session == "") == (next == nil) {
		w.t.Fatalf("session %t and landing %+v: one of the two is the answer", session != "", next)
	}
	return session, next
}

var codeInMail = regexp.MustCompile(`\b[0-9]{6}\b`)

// lastCode is the code that was mailed to an address last, "" for none.
func (w *world) lastCode(to string) string {
	w.t.Helper()
	code := ""
	for _, m := range mailtest.Outbox(w.t, w.Service) {
		if m.To == to {
			code = codeInMail.FindString(m.Text)
		}
	}
	return code
}

// identify enters a link with a code that is mailed.
func (w *world) identify(token string, v sharing.Visitor, a sharing.Answer) string {
	w.t.Helper()
	session, next := w.enter(token, v, a)
	if session != "" || next.Needs != sharing.NeedsCode || next.Problem != "" {
		w.t.Fatalf("before the code: %+v, want that a code is asked for", next)
	}
	a.Code = w.lastCode(a.Email)
	session, next = w.enter(token, v, a)
	if session == "" {
		w.t.Fatalf("with the code: %+v, want a session", next)
	}
	return session
}

func (w *world) visit(session string, v sharing.Visitor) *sharing.VisitView {
	w.t.Helper()
	out, err := sharing.Visit(ctx, w.Service, session, v)
	if err != nil {
		w.t.Fatalf("visiting: %v", err)
	}
	return out
}

func (w *world) wantClosed(session, reason string) {
	w.t.Helper()
	_, err := sharing.Visit(ctx, w.Service, session, browser)
	var closed *sharing.Closed
	if !errors.As(err, &closed) || closed.Reason != reason {
		w.t.Errorf("the visit answers %v, want that it is closed: %s", err, reason)
	}
}

func (w *world) wantLanding(token, closed, needs string) {
	w.t.Helper()
	l, err := sharing.OpenLink(ctx, w.Service, token, browser)
	if err != nil {
		w.t.Fatalf("opening a link: %v", err)
	}
	if l.Closed != closed || l.Needs != needs {
		w.t.Errorf("landing = %+v, want closed %q, needs %q", l, closed, needs)
	}
}

func paths(items []sharing.VisitItem) []string {
	var out []string
	for _, i := range items {
		out = append(out, i.Path)
	}
	return out
}

// C065 to C067, C076: nobody needs an account to see what a link opens, and nothing more.
func TestAnyoneLinkOpensItsItemAndWhatIsInIt(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.folder("/finance/board", "restricted")
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		if l.State != api.LinkActive || !l.PasswordSet || l.CreatedBy != "member:adam@example.com" || l.ExpiresAt == nil {
			t.Errorf("link = %+v", l)
		}
		token := w.token(l)
		w.wantLanding(token, "", sharing.NeedsPassword)
		if _, next := w.enter(token, browser, sharing.Answer{}); next.Needs != sharing.NeedsPassword || next.Problem != "" {
			t.Errorf("without a password: %+v", next)
		}
		if _, next := w.enter(token, browser, sharing.Answer{Password: "wrong"}); next.Problem != sharing.ProblemWrong {
			t.Errorf("with a wrong password: %+v", next)
		}
		session, _ := w.enter(token, browser, sharing.Answer{Password: thePassword})
		v := w.visit(session, browser)
		if v.Item.Path != "/finance" || v.Level != "view" || v.Download || v.Comments || v.Verified {
			t.Errorf("visit = %+v", v)
		}
		if got := paths(v.Children); !slices.Equal(got, []string{"/finance/quarterly"}) {
			t.Errorf("children = %v, want what is not restricted", got)
		}
		if _, err := sharing.Look(ctx, w.Service, session, browser, sharing.Place{Path: "/finance/board"}); isCode(err) != api.CodeNotFound {
			t.Errorf("looking at what is restricted: %v", err)
		}
		if _, err := sharing.Look(ctx, w.Service, session, browser, sharing.Place{Path: "/campaigns"}); isCode(err) != api.CodeNotFound {
			t.Errorf("looking beside the link: %v", err)
		}
		in, err := sharing.Look(ctx, w.Service, session, browser, sharing.Place{Path: "/finance/quarterly"})
		if err != nil || !slices.Equal(paths(in.Above), []string{"/finance"}) {
			t.Errorf("looking into the link: %+v, %v", in, err)
		}
	})
}

func isCode(err error) api.Code {
	var p *api.Problem
	if !errors.As(err, &p) {
		return ""
	}
	return p.Code()
}

// X11: recipients are known by an address that they have shown to be theirs.
func TestRecipientLinkOpensToThoseItNamesByACode(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "recipient", doc{"level": "comment", "allow_download": true})
		token := w.token(l)
		w.wantLanding(token, "", sharing.NeedsEmail)
		session := w.identify(token, browser, sharing.Answer{Email: "Vera@Client.example"[:0] + visitorMail})
		v := w.visit(session, browser)
		if v.Viewer != "viewer:"+visitorMail || !v.Verified || v.Level != "comment" || !v.Comments || !v.Download {
			t.Errorf("visit = %+v", v)
		}
		// Whoever the link does not name gets the same answer, and no mail.
		_, known := w.enter(token, another, sharing.Answer{Email: strangerMail})
		if known.Needs != sharing.NeedsCode || known.Problem != "" || w.lastCode(strangerMail) != "" {
			t.Errorf("a stranger is answered %+v", known)
		}
		if _, next := w.enter(token, another, sharing.Answer{Email: strangerMail, Code: "000000"}); next.Problem != sharing.ProblemWrong {
			t.Errorf("a stranger's code is answered %+v", next)
		}
		viewed := w.Events(t, audit.Filter{Action: "share_link.viewed"})
		if len(viewed) != 1 || viewed[0].Actor.Kind != "viewer" || viewed[0].Actor.Key != visitorMail || viewed[0].Target.Key != l.Key {
			t.Errorf("events = %+v, want one view of %s", viewed, visitorMail)
		}
	})
}
