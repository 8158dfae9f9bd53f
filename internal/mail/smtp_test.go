package mail_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"mime"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

const from = "Gatehouse <gatehouse@example.com>"

func sender(t *testing.T, s mail.Settings) *mail.SMTP {
	t.Helper()
	if s.From == "" {
		s.From = from
	}
	out, err := mail.NewSMTP(s)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func worker(f *objecttest.Fixture, s mail.Sender) *queue.Worker {
	return &queue.Worker{Service: f.Service, Routes: map[string]queue.Route{mail.RouteName: mail.Route(s)}}
}

func once(t *testing.T, w *queue.Worker) int {
	t.Helper()
	n, err := w.Once(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestMailArrivesWholeOverSTARTTLSWithASignIn(t *testing.T) {
	config, pool := certificate(t)
	server := &smtpServer{tls: config, password: "s3cret"}
	server.serve(t, "127.0.0.1:0")
	s := sender(t, mail.Settings{URL: strings.Replace(server.url, "smtp://", "smtp://robot@", 1), Password: "s3cret", TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}})
	m := mail.Message{To: "ann@example.com", Subject: "Grüße von Zoë", Text: "Hallo Zoë,\n.\n..leading dots\n" + strings.Repeat("long ", 300)}
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if err := s.Send(context.Background(), "dlv_1", at, m); err != nil {
		t.Fatal(err)
	}
	all := server.taken()
	if len(all) != 1 || !all[0].tls || all[0].user != "robot" || !strings.Contains(all[0].from, "<gatehouse@example.com>") || all[0].to != "TO:<ann@example.com>" {
		t.Fatalf("the server took %+v", all)
	}
	got, err := netmail.ReadMessage(strings.NewReader(strings.ReplaceAll(all[0].data, "\r\n..", "\r\n.")))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(got.Header.Get("Subject"))
	if err != nil || subject != m.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	body, err := io.ReadAll(quotedprintable.NewReader(got.Body))
	if err != nil || strings.TrimSpace(strings.ReplaceAll(string(body), "\r\n", "\n")) != strings.TrimSpace(m.Text) {
		t.Errorf("text %q, %v", body, err)
	}
	for header, want := range map[string]string{
		"Message-Id": "<dlv_1@example.com>", "To": "<ann@example.com>", "From": `"Gatehouse" <gatehouse@example.com>`,
		"Auto-Submitted": "auto-generated", "Date": "Sun, 01 Mar 2026 12:00:00 +0000",
	} {
		if got.Header.Get(header) != want {
			t.Errorf("%s: %q, want %q", header, got.Header.Get(header), want)
		}
	}
}

func TestMailLeavesOverTLSOnly(t *testing.T) {
	config, pool := certificate(t)
	server := &smtpServer{tls: config}
	server.serve(t, "127.0.0.1:0")
	m := mail.Message{To: "ann@example.com", Subject: "x", Text: "x"}
	// A certificate that nobody trusts.
	if err := sender(t, mail.Settings{URL: server.url}).Send(context.Background(), "dlv_1", time.Now(), m); err == nil {
		t.Error("an unknown certificate is trusted")
	}
	// 127.0.0.1 by a name that is not known to be this machine: STARTTLS is not offered.
	bare := &smtpServer{}
	bare.serve(t, "127.0.0.1:0")
	elsewhere := strings.Replace(bare.url, "127.0.0.1", "0.0.0.0", 1)
	if err := sender(t, mail.Settings{URL: elsewhere}).Send(context.Background(), "dlv_1", time.Now(), m); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("mail leaves without TLS: %v", err)
	}
	if len(bare.taken())+len(server.taken()) != 0 {
		t.Error("mail arrived")
	}
	if err := sender(t, mail.Settings{URL: bare.url, TLS: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}).Send(context.Background(), "dlv_1", time.Now(), m); err != nil {
		t.Errorf("a server on this machine needs TLS: %v", err)
	}
}

func TestSMTPSettingsAreChecked(t *testing.T) {
	for _, s := range []mail.Settings{
		{URL: "mail.example.com", From: from}, {URL: "http://mail.example.com", From: from}, {URL: "smtp://", From: from}, {URL: "smtp://mail.example.com:99999", From: from},
		{URL: "smtp://u:secretword@mail.example.com", From: from}, {URL: "smtp://u@mail.example.com", From: from}, {URL: "smtp://mail.example.com", Password: "x", From: from},
		{URL: "smtp://mail.example.com/?tls=none", From: from}, {URL: "smtp://mail.example.com"}, {URL: "smtp://mail.example.com", From: "a@example.com, b@example.com"},
		{URL: "smtp://u:secretword@mail.exa mple.com", From: from},
	} {
		_, err := mail.NewSMTP(s)
		if err == nil {
			t.Errorf("%+v is accepted", s)
		} else if strings.Contains(err.Error(), "secretword") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
	for _, url := range []string{"smtp://mail.example.com", "smtps://mail.example.com", "smtp://[2001:db8::1]:25"} {
		sender(t, mail.Settings{URL: url})
	}
}

func TestMailThatTheServerTookIsNotSentAgain(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		server := &smtpServer{afterData: "drop"} // the connection ends before QUIT
		server.serve(t, "127.0.0.1:0")
		w := worker(f, sender(t, mail.Settings{URL: server.url}))
		send(t, f, mail.Message{To: "ann@example.com", Subject: "x", Text: "x"})
		once(t, w)
		f.Advance(48 * time.Hour)
		if once(t, w) != 0 || len(server.taken()) != 1 {
			t.Errorf("it was sent %d times", len(server.taken()))
		}
		for _, row := range objecttest.Dump(t, f.DB)["delivery"] {
			if fields := strings.Split(row, "\x1f"); fields[4] != "sent" || fields[5] != "" {
				t.Errorf("what is left of it: %q", fields)
			}
		}
	})
}

func TestAServerThatIsDownLosesNothing(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		server := &smtpServer{}
		server.serve(t, "127.0.0.1:0")
		address := strings.TrimPrefix(server.url, "smtp://")
		server.stop()
		w := worker(f, sender(t, mail.Settings{URL: server.url}))
		send(t, f, mail.Message{To: "ann@example.com", Subject: "one", Text: "x"}, mail.Message{To: "bob@example.com", Subject: "two", Text: "x"})
		if n := once(t, w); n != 2 {
			t.Fatalf("%d were tried", n)
		}
		if n := once(t, w); n != 0 {
			t.Errorf("%d were tried again at once", n)
		}
		for range 5 {
			f.Advance(time.Hour)
			once(t, w)
		}
		server.serve(t, address)
		server.answer("MAIL", "451 4.3.0 try later")
		f.Advance(time.Hour)
		once(t, w)
		server.answer("MAIL", "")
		f.Advance(time.Hour)
		if n := once(t, w); n != 2 || len(server.taken()) != 2 || len(mailtest.Outbox(t, f.Service)) != 0 {
			t.Errorf("%d were tried, the server took %d", n, len(server.taken()))
		}
	})
}

func TestMailIsGivenUpWithAnEventAndErased(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		server := &smtpServer{}
		server.serve(t, "127.0.0.1:0")
		server.answer("RCPT", "550 5.1.1 <ann@example.com> unknown")
		w := worker(f, sender(t, mail.Settings{URL: server.url}))
		send(t, f, mail.Message{To: "ann@example.com", Subject: "x", Text: "topsecret"})
		once(t, w)
		events := f.Events(t, audit.Filter{Action: "mail.failed"})
		if len(events) != 1 || events[0].Target.Key != "ann@example.com" || !strings.Contains(events[0].Reasons[0], "5.1.1 <(address)> unknown") {
			t.Fatalf("a refused recipient: %+v", events)
		}
		server.answer("RCPT", "550 5.7.1 relaying denied") // the operator's fault, not the recipient's
		send(t, f, mail.Message{To: "bob@example.com", Subject: "x", Text: "topsecret"})
		for range queue.MaxAttempts {
			if n := len(f.Events(t, audit.Filter{Action: "mail.failed"})); n != 1 {
				t.Fatalf("%d events before the last attempt", n)
			}
			if once(t, w) != 1 {
				t.Fatal("it was not tried")
			}
			f.Advance(time.Hour)
		}
		if n := len(f.Events(t, audit.Filter{Action: "mail.failed"})); n != 2 {
			t.Errorf("%d events after the last attempt", n)
		}
		if once(t, w) != 0 || len(mailtest.Outbox(t, f.Service)) != 0 {
			t.Error("it is tried once more")
		}
		f.Advance(time.Hour)
		if n, err := queue.PurgeFinished(context.Background(), f.Service, f.Service.Clock()); n != 2 || err != nil {
			t.Errorf("%d rows purged, %v", n, err)
		}
	})
}

// TestTheLogHoldsNoLetters: whoever reads a code in a log could act as its recipient.
func TestTheLogHoldsNoLetters(t *testing.T) {
	for _, contents := range []bool{false, true} {
		var b strings.Builder
		l := mail.Log{Logger: slog.New(slog.NewTextHandler(&b, nil)), Contents: contents}
		if err := l.Send(context.Background(), "dlv_1", time.Now(), mail.Message{To: "ann@example.com", Subject: "Your code", Text: "123456"}); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), "dlv_1") {
			t.Errorf("nothing was noted: %s", b.String())
		}
		for _, part := range []string{"ann@", "Your code", "123456"} {
			if strings.Contains(b.String(), part) != contents {
				t.Errorf("with contents %v the log says: %s", contents, b.String())
			}
		}
	}
}
