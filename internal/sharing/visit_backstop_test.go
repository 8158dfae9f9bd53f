package sharing_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// attempts is what a counter stands at; 0 where there is none.
func (w *world) attempts(subject string) (n int) {
	w.t.Helper()
	w.read(`SELECT COALESCE(MAX(attempts), 0) FROM link_throttle WHERE subject = '`+subject+`'`, &n)
	return n
}

// spend sets a counter of a link to what many attempts within the hour have left.
func (w *world) spend(subject string, n int) {
	w.t.Helper()
	w.sql(`INSERT INTO link_throttle (workspace_id, subject, window_end, attempts) VALUES ($1, $2, $3, $4)
		ON CONFLICT (workspace_id, subject) DO UPDATE SET window_end = excluded.window_end, attempts = excluded.attempts`,
		w.Workspace.ID, subject, w.Service.Clock().Add(time.Hour).UnixMicro(), n)
}

// Whoever has the URL uses up their own tries and nobody else's: what is refused to one
// address does not count for the link.
func TestStrangersWithTheURLLockNobodyOut(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		token := w.token(l)
		for range 60 {
			w.enter(token, browser, sharing.Answer{Password: "a wrong one"})
		}
		if n := w.attempts("try/" + l.ID); n != 10 {
			t.Errorf("60 guesses from one address count %d times for the link, want the 10 that were looked at", n)
		}
		// A score of strangers who guess all day, which was once all that a link took.
		w.spend("try/"+l.ID, 1500)
		if session, next := w.enter(token, another, sharing.Answer{Password: thePassword}); session == "" {
			t.Errorf("a visitor who knows the password: %+v", next)
		}
		if _, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); next == nil || next.Problem != sharing.ProblemThrottled {
			t.Errorf("the stranger: %+v", next)
		}
	})
}

// A flood from very many addresses meets the total of the link, for an hour.
func TestGuessesFromManyAddressesMeetTheTotalOfTheLink(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		token := w.token(l)
		w.spend("try/"+l.ID, 1998)
		for i, want := range []string{sharing.ProblemWrong, sharing.ProblemWrong, sharing.ProblemThrottled, sharing.ProblemThrottled} {
			_, next := w.enter(token, sharing.Visitor{IP: fmt.Sprintf("198.51.100.%d", i+1)}, sharing.Answer{Password: "a wrong one"})
			if next.Problem != want {
				t.Errorf("address %d: %+v, want %s", i+1, next, want)
			}
			if want == sharing.ProblemThrottled && (next.RetryAfter <= 0 || next.RetryAfter > time.Hour) {
				t.Errorf("address %d is told to wait %s", i+1, next.RetryAfter)
			}
		}
		// Other links are not under attack, and this one is not for long.
		other := w.token(w.link("/campaigns", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		if session, next := w.enter(other, browser, sharing.Answer{Password: thePassword}); session == "" {
			t.Errorf("another link: %+v", next)
		}
		w.Advance(time.Hour)
		if session, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); session == "" {
			t.Errorf("an hour later: %+v", next)
		}
	})
}

// A site of IPv6 has 65,536 networks: together they have a limit too.
func TestNetworksOfOneSiteHaveALimitTogether(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})
		token := w.token(l)
		guess := func(ip, want string) {
			t.Helper()
			if _, next := w.enter(token, sharing.Visitor{IP: ip}, sharing.Answer{Password: "a wrong one"}); next.Problem != want {
				t.Errorf("%s: %+v, want %s", ip, next, want)
			}
		}
		guess("2001:db8:7:1::1", sharing.ProblemWrong)
		w.sql(`UPDATE link_throttle SET attempts = 99 WHERE workspace_id = $1 AND subject LIKE $2`, w.Workspace.ID, "try/"+l.ID+"/%")
		guess("2001:db8:7:2::1", sharing.ProblemWrong)
		guess("2001:db8:7:3::1", sharing.ProblemThrottled)
		guess("2001:db8:8:1::1", sharing.ProblemWrong)
		guess("::ffff:192.0.2.7", sharing.ProblemWrong)
		w.Advance(15 * time.Minute)
		guess("2001:db8:7:3::1", sharing.ProblemWrong)
	})
}

// Codes for strangers' addresses do not use up those of the recipients.
func TestStrangersWhoAskForCodesLockNoRecipientOut(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "recipient", nil)
		token := w.token(l)
		for i := range 40 {
			w.enter(token, browser, sharing.Answer{Email: fmt.Sprintf("nobody%d@client.example", i)})
		}
		if n := w.attempts("code/" + l.ID); n != 20 {
			t.Errorf("40 questions from one address count %d times for the link, want 20", n)
		}
		w.visit(w.identify(token, another, sharing.Answer{Email: visitorMail}), another)
	})
}
