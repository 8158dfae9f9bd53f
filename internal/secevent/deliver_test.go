package secevent_test

import (
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/secevent/receivertest"
)

// always answers every token alike.
func always(status int, body string) func(receivertest.Token) receivertest.Answer {
	return func(receivertest.Token) receivertest.Answer { return receivertest.Answer{Status: status, Body: body} }
}

func TestATokenHasOneIDHoweverOftenItIsSent(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.in.Answers(always(http.StatusInternalServerError, ""))
		w.suspend(objecttest.MemberEmail)
		w.consume()
		for range 3 {
			w.deliver()
			w.deliver() // not before its time
			w.Advance(secevent.Pause(10))
		}
		w.in.Answers(nil)
		w.deliver()
		w.Advance(time.Hour)
		w.deliver()
		all := w.in.All()
		if len(all) != 4 || len(w.in.Accepted()) != 1 {
			t.Fatalf("%d were sent, %d accepted", len(all), len(w.in.Accepted()))
		}
		for _, token := range all {
			if diff := cmp.Diff(all[0].Claims, token.Claims); diff != "" {
				t.Errorf("another token (-first +later):\n%s", diff)
			}
		}
		d := w.page("mail", "", "", 0)
		if len(d.Items) != 1 || d.Items[0].State != "sent" || d.Items[0].Attempts != 4 || d.Items[0].ID != all[0].ID || d.Items[0].FinishedAt == nil || d.Items[0].Subject != w.Member.ID {
			t.Errorf("deliveries: %+v", d.Items)
		}
		if s := d.Status; s.State != "idle" || s.Waiting != 0 || s.LastSuccessAt == nil || s.FailingSince != nil || s.LastError != "the receiver answers 500" {
			t.Errorf("status: %+v", s)
		}
	})
}

// TestAReceiverThatWasDownMissesNothing, over a restart as well, and is told in order.
func TestAReceiverThatWasDownMissesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"user_created", "session_revoked"}})
		for name, down := range map[string]func(receivertest.Token) receivertest.Answer{
			"500": always(http.StatusInternalServerError, "no"), "503": always(http.StatusServiceUnavailable, ""), "429": always(http.StatusTooManyRequests, ""),
			"401": always(http.StatusUnauthorized, ""), "404": always(http.StatusNotFound, ""), "302": always(http.StatusFound, ""),
			"unreachable": func(receivertest.Token) receivertest.Answer { panic(http.ErrAbortHandler) },
			"a new key":   always(http.StatusBadRequest, `{"err":"invalid_key","description":"kid?"}`),
		} {
			before, people := len(w.in.Accepted()), 6
			if name == "500" {
				people = 60 // more than one turn holds
			}
			w.in.Answers(down)
			var want []string
			for n := range people {
				w.AddMember(t, w.Owner, name0(name)+email(n), "member")
				want = append(want, "user_created")
			}
			w.consume()
			for n := range people {
				w.suspend(name0(name) + email(n))
				want = append(want, "session_revoked")
				if n%20 == 0 {
					w.consume()
					w.deliver()
					w.Advance(time.Hour)
				}
			}
			tried := len(w.in.All())
			w.consume()
			w.deliver()
			if again := len(w.in.All()) - tried; again > 2 {
				t.Errorf("%s: one that is down is asked %d times at once", name, again)
			}
			if s := w.page("mail", "", "", 1).Status; s.State != "failing" || s.Waiting != int64(2*people) || s.FailingSince == nil || s.NextAttemptAt == nil || s.LastError == "" {
				t.Errorf("%s: status %+v", name, s)
			}
			w.Worker = w.replica() // another process
			w.Advance(time.Hour)
			w.in.Answers(nil)
			w.deliver()
			got := w.in.Accepted()[before:]
			if diff := cmp.Diff(want, names(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", name, diff)
			}
			for n := range min(people, len(got)-people) {
				if subject(got[people+n]) != name0(name)+email(n) {
					t.Errorf("%s: %s left at place %d", name, subject(got[people+n]), n)
				}
			}
		}
	})
}

func name0(name string) string { return strings.ReplaceAll(name, " ", "") + "." }

// TestWhatAReceiverChokesOnHoldsNobodyElseUp: only what came later about the same person
// waits behind it.
func TestWhatAReceiverChokesOnHoldsNobodyElseUp(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked", "account_enabled"}})
		w.AddMember(t, w.Owner, ann, "member")
		w.in.Answers(func(token receivertest.Token) receivertest.Answer {
			if subject(token) == ann {
				return receivertest.Answer{Status: http.StatusInternalServerError}
			}
			return receivertest.Answer{}
		})
		w.suspend(ann)
		w.suspend(objecttest.MemberEmail)
		w.reactivate(ann)
		w.reactivate(objecttest.MemberEmail)
		w.suspend(objecttest.MemberEmail)
		if diff := cmp.Diff([]string{"session_revoked", "account_enabled", "session_revoked"}, w.tell()); diff != "" {
			t.Errorf("about the others (-want +got):\n%s", diff)
		}
		if s := w.page("mail", "queued", "", 0); s.Status.State != "delivering" || len(s.Items) != 2 {
			t.Errorf("status %+v, waiting %+v", s.Status, s.Items)
		}
		w.deliver()
		w.AddMember(t, w.Owner, "ben@example.com", "member")
		w.suspend("ben@example.com")
		if diff := cmp.Diff([]string{"session_revoked"}, w.tell()); diff != "" {
			t.Errorf("while they wait (-want +got):\n%s", diff)
		}
		w.in.Answers(nil)
		w.Advance(time.Hour)
		if diff := cmp.Diff([]string{"session_revoked", "account_enabled"}, w.tell()); diff != "" {
			t.Errorf("about her, later (-want +got):\n%s", diff)
		}
	})
}

// TestARefusalIsFinalAndShown (RFC 8935 section 2.3): what the receiver says is bounded,
// on one line, and no secret is near it.
func TestARefusalIsFinalAndShown(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		r := w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.AddMember(t, w.Owner, ann, "member")
		w.in.Answers(func(token receivertest.Token) receivertest.Answer {
			if subject(token) == ann {
				return receivertest.Answer{Status: 400, Body: `{"err":"invalid_audience","description":"not\nme, ann@example.com, with Bearer=correct-horse-battery-staple! ` + strings.Repeat("x", 5000) + `"}`}
			}
			return receivertest.Answer{}
		})
		w.suspend(ann)
		w.suspend(objecttest.MemberEmail)
		w.tell()
		w.Advance(24 * time.Hour)
		w.deliver()
		if len(w.in.All()) != 2 {
			t.Errorf("%d were sent; a refusal is final", len(w.in.All()))
		}
		failed := w.page("mail", "failed", "", 0).Items
		if len(failed) != 1 || !strings.HasPrefix(failed[0].Error, "the receiver answers 400: invalid_audience not me, … with … xxx") || len(failed[0].Error) > 400 {
			t.Fatalf("refused: %+v", failed)
		}
		events := w.Events(t, audit.Filter{Action: "security_event.failed"})
		if len(events) != 1 || events[0].Target.ID != r.ID || events[0].Target.Key != "mail" || len(events[0].Reasons) != 1 || !strings.Contains(events[0].Reasons[0], "invalid_audience") || !strings.Contains(string(events[0].After), failed[0].ID) {
			t.Errorf("the audit log says %+v", events)
		}
		for table, rows := range objecttest.Dump(t, w.DB) {
			for _, row := range rows {
				if strings.Contains(row, "correct-horse") || strings.HasPrefix(table, "security_event") && strings.Contains(row, "@") {
					t.Errorf("table %s tells: %s", table, row)
				}
			}
		}
	})
}

// TestWhoIsMisconfiguredIsAskedSlowly, and at once when the receiver is changed.
func TestWhoIsMisconfiguredIsAskedSlowly(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.in.Answers(func(token receivertest.Token) receivertest.Answer {
			if token.Sent.Get("Authorization") == header {
				return receivertest.Answer{Status: http.StatusUnauthorized}
			}
			return receivertest.Answer{}
		})
		w.suspend(objecttest.MemberEmail)
		w.tell()
		for range 10 {
			w.Advance(time.Minute)
			w.deliver()
		}
		if n := len(w.in.All()); n != 1 {
			t.Errorf("asked %d times in ten minutes", n)
		}
		w.receiver("mail", doc{"events": []string{"session_revoked"}, "authorization_header_wo": "Bearer another", "authorization_header_wo_version": 2})
		w.deliver()
		if len(w.in.Accepted()) != 1 || w.page("mail", "", "", 0).Status.State != "idle" {
			t.Errorf("mended, and %d arrived", len(w.in.Accepted()))
		}
		// Without a header none is sent.
		w.receiver("mail", doc{"events": []string{"session_revoked"}, "authorization_header_wo": "", "authorization_header_wo_version": nil})
		w.AddMember(t, w.Owner, ann, "member")
		w.suspend(ann)
		w.tell()
		if all := w.in.Accepted(); len(all) != 2 || all[1].Sent.Get("Authorization") != "" {
			t.Errorf("%d arrived; a header that was taken away is sent", len(all))
		}
	})
}

func TestRetryAfterIsHeeded(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.in.Answers(func(receivertest.Token) receivertest.Answer {
			return receivertest.Answer{Status: http.StatusTooManyRequests, Header: map[string]string{"Retry-After": "1800"}}
		})
		w.suspend(objecttest.MemberEmail)
		w.tell()
		w.in.Answers(nil)
		w.Advance(29 * time.Minute)
		w.deliver()
		early := len(w.in.Accepted())
		w.Advance(2 * time.Minute)
		w.deliver()
		if early != 0 || len(w.in.Accepted()) != 1 {
			t.Errorf("%d before the time, %d after it", early, len(w.in.Accepted()))
		}
	})
}

// TestAWeekIsEnough: what no receiver takes is given up, and shown.
func TestAWeekIsEnough(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		w.in.Answers(always(http.StatusInternalServerError, ""))
		w.suspend(objecttest.MemberEmail)
		w.tell()
		w.Advance(7*24*time.Hour - time.Minute)
		w.deliver()
		if n := len(w.page("mail", "queued", "", 0).Items); n != 1 {
			t.Errorf("%d wait, shortly before", n)
		}
		w.Advance(time.Hour)
		w.deliver()
		failed := w.page("mail", "failed", "", 0).Items
		if len(failed) != 1 || failed[0].Attempts != 2 || !strings.Contains(failed[0].Error, "week") || len(w.Events(t, audit.Filter{Action: "security_event.failed"})) != 1 {
			t.Errorf("given up: %+v", failed)
		}
		// Finished deliveries are forgotten after a month.
		w.Advance(31 * 24 * time.Hour)
		if err := secevent.Purge(ctx, w.Service); err != nil {
			t.Fatal(err)
		}
		if n := len(w.page("mail", "", "", 0).Items); n != 0 {
			t.Errorf("%d are kept", n)
		}
	})
}

// TestNothingIsSentInside goes the whole way, to a server that would answer.
func TestNothingIsSentInside(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		_, port, err := net.SplitHostPort(w.in.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		w.Worker.Client = outbound.NewClient(outbound.Options{})
		for name, host := range map[string]string{"loopback": "127.0.0.1", "mapped": "[::ffff:127.0.0.1]", "metadata": "169.254.169.254", "private": "10.0.0.1"} {
			w.receiver(name, doc{"url": "https://" + host + ":" + port + "/", "events": []string{"session_revoked"}})
		}
		w.suspend(objecttest.MemberEmail)
		w.tell()
		for _, name := range []string{"loopback", "mapped", "metadata", "private"} {
			if s := w.page(name, "", "", 0); s.Status.State != "failing" || !strings.Contains(s.Status.LastError, "private, local or reserved") || strings.Contains(s.Status.LastError, "//") {
				t.Errorf("%s: %+v", name, s.Status)
			}
		}
		v, err := secevent.Verify(ctx, w.Service, w.Worker.Client, w.Owner, "loopback")
		if err != nil || v.Accepted || !strings.Contains(v.Error, "private") {
			t.Errorf("verified: %+v, %v", v, err)
		}
		if len(w.in.All()) != 0 {
			t.Error("it was reached")
		}
	})
}

// TestWhatIsDeletedIsGone: no event waits for a receiver that there is not.
func TestWhatIsDeletedIsGone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", nil)
		w.receiver("paused", nil)
		w.suspend(objecttest.MemberEmail)
		w.consume()
		w.receiver("paused", doc{"enabled": false})
		w.Delete(t, w.Owner, api.EventReceiverKind, "mail")
		w.deliver()
		if len(w.in.All()) != 0 {
			t.Errorf("%d were sent", len(w.in.All()))
		}
		// What waits already goes on waiting for the one that is switched off.
		if s := w.page("paused", "", "", 0).Status; s.State != "disabled" || s.Waiting != 2 {
			t.Errorf("paused: %+v", s)
		}
		w.receiver("paused", nil)
		if got := w.tell(); len(got) != 2 {
			t.Errorf("switched on again, it is told of %v", got)
		}
		w.Delete(t, w.Owner, api.EventReceiverKind, "paused")
		for _, table := range []string{"security_event", "event_receiver_state"} {
			if rows := objecttest.Dump(t, w.DB)[table]; len(rows) != 0 {
				t.Errorf("%s: %v", table, rows)
			}
		}
	})
}

func TestDeliveriesComeInPages(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.receiver("mail", doc{"events": []string{"session_revoked"}})
		for n := range 5 {
			w.AddMember(t, w.Owner, email(n), "member")
			w.suspend(email(n))
			w.consume()
		}
		var ids []string
		for cursor := ""; ; {
			p := w.page("mail", "", cursor, 2)
			for _, d := range p.Items {
				ids = append(ids, d.ID)
			}
			if cursor = p.NextCursor; cursor == "" {
				break
			}
		}
		for n := range len(ids) - 1 {
			if ids[n] <= ids[n+1] {
				t.Errorf("%s is not after %s", ids[n], ids[n+1])
			}
		}
		if len(ids) != 5 {
			t.Errorf("%d deliveries", len(ids))
		}
		err := w.Service.View(ctx, w.Owner, func(s *object.Scope) error {
			_, err := secevent.Deliveries(ctx, s, "mail", "", "x'", 2)
			return err
		})
		objecttest.WantProblem(t, err, api.CodeMalformed)
	})
}
