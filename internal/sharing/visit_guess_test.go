package sharing_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/vault"
)

// replica is another process on the same database.
func (w *world) replica() *object.Service {
	w.t.Helper()
	v, err := vault.New(bytes.Repeat([]byte{7}, 32)) // the key that the fixture has
	if err != nil {
		w.t.Fatal(err)
	}
	svc := object.New(w.DB, v, slog.New(slog.DiscardHandler))
	svc.Clock, svc.Groups = w.Service.Clock, w.Service.Groups
	return svc
}

// Guessing is counted by link and by address, in the database: whichever replica is
// asked, ten wrong passwords are all that an address has in a quarter of an hour.
func TestPasswordGuessesAreCountedOverReplicas(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		replicas := []*object.Service{w.Service, w.replica()}
		for i := range 10 {
			_, next, err := sharing.EnterLink(ctx, replicas[i%2], token, browser, sharing.Answer{Password: fmt.Sprint("guess ", i)})
			if err != nil || next.Problem != sharing.ProblemWrong {
				t.Fatalf("guess %d: %+v, %v", i, next, err)
			}
		}
		for _, svc := range replicas {
			session, next, err := sharing.EnterLink(ctx, svc, token, browser, sharing.Answer{Password: thePassword})
			if err != nil || session != "" || next.Problem != sharing.ProblemThrottled || next.RetryAfter <= 0 || next.RetryAfter > 15*time.Minute {
				t.Errorf("the right password after ten wrong ones: session %t, %+v, %v", session != "", next, err)
			}
		}
		// Neither another visitor nor the same one later pays for it.
		if session, _ := w.enter(token, another, sharing.Answer{Password: thePassword}); session == "" {
			t.Error("another address is held up")
		}
		w.Advance(15 * time.Minute)
		if session, _ := w.enter(token, browser, sharing.Answer{Password: thePassword}); session == "" {
			t.Error("the address is held up for good")
		}
	})
}

// One network of IPv6 is one visitor.
func TestGuessesFromOneNetworkCountTogether(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		for i := range 10 {
			w.enter(token, sharing.Visitor{IP: fmt.Sprintf("2001:db8:0:1::%x", i+1)}, sharing.Answer{Password: "a wrong one"})
		}
		if _, next := w.enter(token, sharing.Visitor{IP: "2001:db8:0:1::ffff"}, sharing.Answer{Password: thePassword}); next == nil || next.Problem != sharing.ProblemThrottled {
			t.Errorf("the same network: %+v", next)
		}
		if session, _ := w.enter(token, sharing.Visitor{IP: "2001:db8:0:2::1"}, sharing.Answer{Password: thePassword}); session == "" {
			t.Error("another network is held up")
		}
	})
}

// Right answers use nothing up: an office behind one address is no attacker.
func TestRightPasswordsAreNotCounted(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		for i := range 15 {
			if session, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); session == "" {
				t.Fatalf("visit %d: %+v", i, next)
			}
		}
	})
}

func otherCode(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// A code has five tries, ten minutes and one use.
func TestCodesCannotBeGuessedKeptOrUsedTwice(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "recipient", nil))
		ask := func() string {
			t.Helper()
			w.Advance(time.Minute)
			if _, next := w.enter(token, browser, sharing.Answer{Email: visitorMail}); next.Problem != "" {
				t.Fatalf("asking for a code: %+v", next)
			}
			return w.lastCode(visitorMail)
		}
		code := ask()
		for range 5 {
			w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: otherCode(code)})
		}
		if session, next := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: code}); session != "" || next.Problem != sharing.ProblemWrong {
			t.Errorf("the right code after five wrong ones: %+v", next)
		}
		code = ask()
		w.Advance(10 * time.Minute)
		if session, next := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: code}); session != "" || next.Problem != sharing.ProblemWrong {
			t.Errorf("a code of ten minutes ago: %+v", next)
		}
		earlier, code := code, ask()
		if session, _ := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: earlier}); session != "" && earlier != code {
			t.Error("an earlier code opens the link")
		}
		if session, next := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: code}); session == "" {
			t.Errorf("the code: %+v", next)
		}
		if session, _ := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: code}); session != "" {
			t.Error("a code opens the link twice")
		}
	})
}

// A code is of one link and one address.
func TestCodeOpensNoOtherLink(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		one := w.token(w.link("/finance", "recipient", doc{"name": "The one link", "recipients": []string{visitorMail, strangerMail}}))
		two := w.token(w.link("/finance", "recipient", doc{"name": "Another link"}))
		w.enter(one, browser, sharing.Answer{Email: visitorMail})
		w.enter(two, browser, sharing.Answer{Email: visitorMail})
		w.enter(one, browser, sharing.Answer{Email: strangerMail})
		var codes []string
		for _, m := range mailtest.Outbox(t, w.Service) {
			codes = append(codes, codeInMail.FindString(m.Text))
		}
		if len(codes) != 3 || codes[0] == codes[1] || codes[0] == codes[2] {
			return // one in a million: nothing can be told apart
		}
		if session, _ := w.enter(two, browser, sharing.Answer{Email: visitorMail, Code: codes[0]}); session != "" {
			t.Error("the code of one link opens another")
		}
		if session, _ := w.enter(one, browser, sharing.Answer{Email: strangerMail, Code: codes[0]}); session != "" {
			t.Error("the code of one address opens the link to another")
		}
	})
}

// Codes are sent once a minute, and six times an hour, to an address.
func TestNobodyIsFloodedWithCodes(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "recipient", nil))
		answers := map[string][]string{}
		for range 8 {
			for _, to := range []string{visitorMail, strangerMail} {
				_, next := w.enter(token, sharing.Visitor{IP: "192.0.2." + fmt.Sprint(len(answers[to])+1)}, sharing.Answer{Email: to})
				_, at := w.enter(token, another, sharing.Answer{Email: to})
				answers[to] = append(answers[to], next.Problem+"/"+at.Problem)
			}
			w.Advance(time.Minute)
		}
		if got := len(mailtest.Outbox(t, w.Service)); got != 6 {
			t.Errorf("%d mails were sent, want 6", got)
		}
		// Whom the link names cannot be told by how often it answers.
		if fmt.Sprint(answers[visitorMail]) != fmt.Sprint(answers[strangerMail]) {
			t.Errorf("the answers differ: %v and %v", answers[visitorMail], answers[strangerMail])
		}
		for i, a := range answers[visitorMail] {
			want := "/" + sharing.ProblemThrottled
			if i >= 6 {
				want = sharing.ProblemThrottled + want
			}
			if a != want {
				t.Errorf("minute %d: %q, want %q", i, a, want)
			}
		}
	})
}

// X11: at an anyone link nobody comments before an address is verified.
func TestCommentingOnAnAnyoneLinkTakesAVerifiedAddress(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"blocked_domains": []string{"rival.example"}})
		for _, more := range []doc{{"name": "By its level", "level": "comment"}, {"name": "By its switch", "allow_comments": true}} {
			more["password_wo"], more["password_wo_version"] = thePassword, 1
			token := w.token(w.link("/finance", "anyone", more))
			session, _ := w.enter(token, browser, sharing.Answer{Password: thePassword})
			if v := w.visit(session, browser); v.Comments || v.Level != "view" || !v.Identify {
				t.Errorf("%v, nobody known: %+v", more["name"], v)
			}
			w.Advance(time.Hour)
			session = w.identify(token, browser, sharing.Answer{Password: thePassword, Email: strangerMail})
			if v := w.visit(session, browser); !v.Comments || v.Level != "comment" || v.Identify || v.Viewer != "viewer:"+strangerMail {
				t.Errorf("%v, verified: %+v", more["name"], v)
			}
			// Nobody has mail sent without the password, nor to a blocked domain.
			sent := len(mailtest.Outbox(t, w.Service))
			if _, next := w.enter(token, browser, sharing.Answer{Email: visitorMail}); next.Needs != sharing.NeedsPassword {
				t.Errorf("an address without the password: %+v", next)
			}
			if _, next := w.enter(token, browser, sharing.Answer{Email: "rita@rival.example", Password: thePassword}); next.Needs != sharing.NeedsCode {
				t.Errorf("an address of a blocked domain: %+v", next)
			}
			if got := len(mailtest.Outbox(t, w.Service)); got != sent {
				t.Errorf("%d mails more", got-sent)
			}
		}
		view := w.token(w.link("/finance", "anyone", doc{"name": "Only to look at"}))
		if l, err := sharing.OpenLink(ctx, w.Service, view, browser); err != nil || l.Identify {
			t.Errorf("a link to look at: %+v, %v", l, err)
		}
	})
}

// Recipients give a password with their code: a wrong one costs a try, not the code.
func TestPasswordOfARecipientLinkIsAskedWithTheCode(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "recipient", doc{"password_wo": thePassword, "password_wo_version": 1}))
		w.wantLanding(token, "", sharing.NeedsEmail)
		_, next := w.enter(token, browser, sharing.Answer{Email: visitorMail})
		if next.Needs != sharing.NeedsCode || !next.Password {
			t.Errorf("after the address: %+v", next)
		}
		code := w.lastCode(visitorMail)
		for _, wrong := range []sharing.Answer{{Email: visitorMail, Code: code}, {Email: visitorMail, Code: code, Password: "wrong"}} {
			if session, next := w.enter(token, browser, wrong); session != "" || next.Needs != sharing.NeedsCode {
				t.Errorf("without the password: %+v", next)
			}
		}
		if session, next := w.enter(token, browser, sharing.Answer{Email: visitorMail, Code: code, Password: thePassword}); session == "" {
			t.Errorf("with both: %+v", next)
		}
	})
}
