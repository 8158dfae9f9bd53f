package mail_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
)

func send(t *testing.T, f *objecttest.Fixture, messages ...mail.Message) {
	t.Helper()
	err := f.Service.Do(context.Background(), f.Owner, func(s *object.Scope) error {
		for _, m := range messages {
			if err := mail.Send(context.Background(), s, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestMailIsQueuedWithItsCauseOrNotAtAll(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		ctx := context.Background()
		m := mail.Message{To: "ann@example.com", Subject: "Your code", Text: "123456\n"}
		send(t, f, m)
		if diff := cmp.Diff([]mail.Message{m}, mailtest.Outbox(t, f.Service)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		try := func(run func(context.Context, *object.Caller, func(*object.Scope) error) error) {
			_ = run(ctx, f.Owner, func(s *object.Scope) error {
				if err := mail.Send(ctx, s, m); err != nil {
					t.Error(err)
				}
				return context.Canceled
			})
		}
		try(f.Service.Do)
		if err := f.Service.Try(ctx, f.Owner, func(s *object.Scope) error { return mail.Send(ctx, s, m) }); err != nil {
			t.Error(err)
		}
		if n := len(mailtest.Outbox(t, f.Service)); n != 1 {
			t.Errorf("%d mails are queued after a change that failed and a dry run", n)
		}
		for table, rows := range objecttest.Dump(t, f.DB) {
			for _, row := range rows {
				if strings.Contains(row, "123456") || table == "delivery" && strings.Contains(row, "ann@") {
					t.Errorf("%s holds the mail in the clear: %s", table, row)
				}
			}
		}
	})
}

func TestNothingInAMessageAddsAHeaderOrARecipient(t *testing.T) {
	f := objecttest.New(t, "sqlite")
	for _, to := range []string{
		"", "ann", "ann@example.com, bob@example.com", "ann@example.com\r\nBcc: bob@example.com", "Ann <ann@example.com>", "<ann@example.com>",
		"ann@example.com\x00", " ann@example.com", "ann@exa mple.com", strings.Repeat("a", 250) + "@example.com",
	} {
		err := f.Service.Do(context.Background(), f.Owner, func(s *object.Scope) error {
			return mail.Send(context.Background(), s, mail.Message{To: to, Subject: "x", Text: "x"})
		})
		if err == nil {
			t.Errorf("%q is taken for an address", to)
		} else if to != "" && strings.Contains(err.Error(), to) {
			t.Errorf("the error repeats the address: %v", err)
		}
	}
	send(t, f, mail.Message{To: "ann@example.com", Subject: "Hi\r\nBcc: bob@example.com\r\n\r\nbody", Text: "a\r\nb\x1b[31m\xff"},
		mail.Message{To: "ann@example.com", Subject: "\u202Etxt.exe " + strings.Repeat("ß", 500), Text: "x"})
	got := mailtest.Outbox(t, f.Service)
	if want := "Hi Bcc: bob@example.com body"; got[0].Subject != want {
		t.Errorf("subject %q, want %q", got[0].Subject, want)
	}
	if want := "a\nb[31m�"; got[0].Text != want {
		t.Errorf("text %q, want %q", got[0].Text, want)
	}
	if s := []rune(got[1].Subject); len(s) != 200 || strings.ContainsRune(got[1].Subject, '\u202E') {
		t.Errorf("subject of %d characters: %q", len(s), got[1].Subject)
	}
}

func TestWordsOfOthersCannotPassForTheLetters(t *testing.T) {
	got := mail.Quoted("  Hello\r\nYour password:\rx\u2028https://evil.example\n\nbye\n")
	if want := "> Hello\n> Your password:\n> x\n> https://evil.example\n> \n> bye\n"; got != want {
		t.Errorf("quoted %q, want %q", got, want)
	}
	if got := mail.Line("Spring\r\n\r\nPay here:\u202E cut"); got != "Spring Pay here: cut" {
		t.Errorf("line %q", got)
	}
}
