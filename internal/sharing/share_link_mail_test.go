package sharing_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// rotate makes the URL of a link, or asks for it again.
func (w *world) rotate(by *object.Caller, id string, rotation int64) *api.ShareSecret {
	w.t.Helper()
	var out *api.ShareSecret
	err := w.Service.Do(ctx, by, func(s *object.Scope) (err error) {
		out, err = sharing.IssueLinkSecret(ctx, s, id, rotation)
		return err
	})
	if err != nil {
		w.t.Fatalf("rotation %d: %v", rotation, err)
	}
	return out
}

// mailedLinks is linkWorld at an address, where nothing was mailed yet.
func mailedLinks(t *testing.T, test func(t *testing.T, w *world, box *letters)) {
	t.Helper()
	linkWorld(t, func(t *testing.T, w *world) {
		w.Service.BaseURL = "https://gatehouse.example.com"
		test(t, w, &letters{w: w})
	})
}

var urlInMail = regexp.MustCompile(`https://gatehouse\.example\.com/s/(\S+)`)

func tokenIn(t *testing.T, text string) string {
	t.Helper()
	m := urlInMail.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no link in the letter: %s", text)
	}
	return m[1]
}

// C070: who is named in a link is mailed its URL once, when there is one, and the URL
// opens the link to them.
func TestRecipientsAreMailedTheLinkOnce(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		link := linkDoc("/finance", "recipient", doc{"notify_recipients": true, "recipients": []string{visitorMail, nobody}, "level": "comment", "allow_download": true})
		l := w.Create(t, w.Admin, api.ShareLinkKind, link).(*api.ShareLink)
		box.want(0) // there is no URL yet
		first := w.rotate(w.Admin, l.ID, 1)
		sent := box.want(2)
		if sent[0].To != nobody || sent[0].Member == "" || sent[1].To != visitorMail || sent[1].Member != "" {
			t.Errorf("letters = %+v", sent)
		}
		wantWords(t, sent[1].Subject, objecttest.AdminEmail+" shares “Spring cut for Acme” with you")
		wantWords(t, sent[1].Text, "Workspace acme", "look at it and comment on it, and download originals", mailUntil(l), "your address, "+visitorMail)
		if got := tokenIn(t, sent[1].Text); got != first.Secret {
			t.Errorf("the letter has another token than was given out")
		}
		if strings.Contains(sent[1].Text, nobody) || strings.Contains(sent[1].Text, "/finance") || strings.Contains(sent[1].Text, "password") {
			t.Errorf("the letter tells too much: %s", sent[1].Text)
		}
		box.seen++ // the code that identify has mailed
		w.visit(w.identify(tokenIn(t, sent[1].Text), browser, sharing.Answer{Email: visitorMail}), browser)

		// Plans and applies ask again, and write the same again.
		w.rotate(w.Admin, l.ID, 1)
		stack := objecttest.Stack(w.Admin, "infra")
		if _, err := w.Service.Put(ctx, stack, api.ShareLinkKind, l.ID, objecttest.JSON(t, link), object.WriteOptions{Adopt: true}); err != nil {
			t.Fatal(err)
		}
		put := func(key string, value any) {
			t.Helper()
			link[key] = value
			w.Put(t, stack, api.ShareLinkKind, l.ID, link)
		}
		put("justification", "the audit")
		put("max_views", 50)
		put("notify_recipients", false)
		put("notify_recipients", true)
		box.want(0)
		// Who is added later gets it then, alone.
		put("recipients", []string{visitorMail, strangerMail, nobody})
		m := box.wantOne(strangerMail, "Spring cut for Acme")
		if tokenIn(t, m.Text) != first.Secret {
			t.Error("who was added later is sent another URL")
		}
		// Another URL goes to all, and says that the one before is over.
		link["password_wo"] = thePassword
		put("password_wo_version", 1)
		second := w.rotate(w.Admin, l.ID, 2)
		for _, m := range box.want(3) {
			wantWords(t, m.Text, "/s/"+second.Secret, "The link that you had before is over", "the password, which "+objecttest.AdminEmail)
		}
		mailed := w.Events(t, audit.Filter{Action: "share_link.mailed"})
		if len(mailed) != 3 || !strings.Contains(string(mailed[1].After), strangerMail) || strings.Contains(string(mailed[1].After), visitorMail) {
			t.Errorf("events = %+v", mailed)
		}
	})
}

func mailUntil(l *api.ShareLink) string { return "until " + l.ExpiresAt.UTC().Format("2 January 2006") }

// Copying a link sends nothing: whoever made it hands it on by any channel.
func TestLinksAreMailedOnlyWhereTheySaySo(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		l := w.link("/finance", "recipient", nil)
		w.rotate(w.Admin, l.ID, 1)
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "recipient", doc{"recipients": []string{visitorMail, strangerMail}}))
		box.want(0)
		_, err := w.TryCreate(t, w.Admin, api.ShareLinkKind, linkDoc("/finance", "anyone", doc{"name": "For the press", "notify_recipients": true}))
		wantWords(t, objecttest.WantViolation(t, err, "/notify_recipients").Message, "names nobody")
		// Said later, it holds for all: nobody has had the URL.
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "recipient", doc{"recipients": []string{visitorMail, strangerMail}, "notify_recipients": true}))
		box.want(2)
	})
}

// A token that was shown once is only a hash afterwards: who is added later is told who
// has the link.
func TestTokenThatIsNotKnownAnyMoreIsNotMailed(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		l := w.link("/finance", "recipient", doc{"notify_recipients": true})
		shown := w.rotate(w.Admin, l.ID, 0)
		if m := box.wantOne(visitorMail); tokenIn(t, m.Text) != shown.Secret {
			t.Error("the letter has another token than was shown")
		}
		both := linkDoc("/finance", "recipient", doc{"notify_recipients": true, "recipients": []string{visitorMail, strangerMail}})
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, both)
		m := box.wantOne(strangerMail, objecttest.AdminEmail+" has the link and sends it to you")
		if strings.Contains(m.Text, "/s/") {
			t.Errorf("the letter has a link: %s", m.Text)
		}
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, both)
		box.want(0)
		// Nothing that is stored is the token.
		for table, rows := range objecttest.Dump(t, w.DB) {
			for _, row := range rows {
				if strings.Contains(row, shown.Secret) {
					t.Errorf("%s holds the token", table)
				}
			}
		}
	})
}

// C055: a link that waits is not mailed; when it is approved, everybody gets what can be
// known of it.
func TestLinksAreMailedWhenTheyAreApproved(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		w.linkPolicy(doc{"require_external_approval": true})
		nils := w.manager(nobody, "/finance")
		waiting := func(name string) *api.ShareLink {
			t.Helper()
			return w.Create(t, nils, api.ShareLinkKind, linkDoc("/finance", "recipient", doc{"name": name, "notify_recipients": true})).(*api.ShareLink)
		}
		approve := func() {
			t.Helper()
			w.mustSay(w.Admin, sharing.ApproveRequest, w.pending().ID)
		}
		rotated := w.rotate(nils, waiting("Made by a rotation").ID, 1)
		box.want(0)
		approve()
		m := box.wantOne(visitorMail, nobody+" shares “Made by a rotation”")
		if tokenIn(t, m.Text) != rotated.Secret {
			t.Error("the letter has another token than was given out")
		}
		w.wantLanding(rotated.Secret, "", sharing.NeedsEmail)

		w.rotate(nils, waiting("Shown once").ID, 0)
		approve()
		box.wantOne(visitorMail, nobody+" has the link and sends it to you")

		l := waiting("Without a URL yet")
		approve()
		box.want(0)
		w.rotate(nils, l.ID, 1)
		box.wantOne(visitorMail, "Without a URL yet")

		w.rotate(nils, waiting("Denied").ID, 1)
		w.mustSay(w.Admin, sharing.DenyRequest, w.pending().ID)
		box.want(0)
	})
}

// Nobody is mailed what would not open to them, and a link made anew begins anew.
func TestLinksThatOpenNothingAreNotMailed(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		end := w.Service.Clock().Add(time.Hour).UTC().Format(time.RFC3339Nano)
		link := linkDoc("/finance", "recipient", doc{"notify_recipients": true, "recipients": []string{visitorMail, nobody}, "expires_at": end})
		l := w.Create(t, w.Admin, api.ShareLinkKind, link).(*api.ShareLink)
		if err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error { return people.Suspend(ctx, s, nobody, "") }); err != nil {
			t.Fatal(err)
		}
		w.rotate(w.Admin, l.ID, 1)
		box.wantOne(visitorMail)
		w.Advance(time.Hour)
		link["expires_at"] = w.Service.Clock().Add(time.Hour).UTC().Format(time.RFC3339Nano)
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, link)
		box.want(0)
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		link["recipients"] = []string{visitorMail}
		l = w.Create(t, w.Admin, api.ShareLinkKind, link).(*api.ShareLink)
		box.want(0)
		w.rotate(w.Admin, l.ID, 1)
		box.wantOne(visitorMail)
	})
}

// Who changes their address has had the URL, and is not mailed it again.
func TestRenamedRecipientsAreNotMailedAgain(t *testing.T) {
	mailedLinks(t, func(t *testing.T, w *world, box *letters) {
		link := doc{"notify_recipients": true, "recipients": []string{nobody}}
		l := w.link("/finance", "recipient", link)
		w.rotate(w.Admin, l.ID, 1)
		box.wantOne(nobody)
		const now = "nils.new@example.com"
		if err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error { return people.Rename(ctx, s, nobody, now) }); err != nil {
			t.Fatal(err)
		}
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "recipient", doc{"notify_recipients": true, "recipients": []string{now}, "max_views": 3}))
		box.want(0)
	})
}
