package mail

import (
	"context"
	"encoding/json"
	"fmt"
	netmail "net/mail"
	"strings"
	"time"
	"unicode"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// RouteName is the queue's name for mail.
const RouteName = "mail"

// Bounds of a message.
const (
	maxAddress = 254 // RFC 5321 §4.5.3.1.3
	maxSubject = 200 // characters
	maxText    = 64 << 10
)

// Message is a letter in plain text.
type Message struct {
	To      string `json:"to"` // one address, nothing else
	Subject string `json:"subject"`
	Text    string `json:"text"`

	// Member is the id of the member that it is for, when it is for one: nothing
	// reaches somebody who is suspended in the meantime.
	Member string `json:"-"`
	// Until is when it is of no use any more (the end of a code); it is not sent later.
	Until time.Time `json:"-"`
}

// Send queues a message in the transaction of the scope: it leaves when, and only
// when, the transaction is committed.
func Send(ctx context.Context, s *object.Scope, m Message) error {
	m, err := m.clean()
	if err != nil {
		return err
	}
	if _, err := queue.Add(ctx, s, RouteName, m, queue.Options{Member: m.Member, Until: m.Until}); err != nil {
		return fmt.Errorf("queueing mail: %w", err)
	}
	return nil
}

// clean refuses what cannot be delivered, and makes the rest one line of subject and
// a text of valid characters. Subjects hold names that people chose.
func (m Message) clean() (Message, error) {
	to, err := address(m.To)
	if err != nil {
		return m, fmt.Errorf("the recipient of a mail: %w", err)
	}
	m.To = to
	m.Subject = oneLine(m.Subject)
	if m.Subject == "" {
		return m, fmt.Errorf("a mail without a subject")
	}
	if len(m.Text) > maxText {
		return m, fmt.Errorf("a mail of %d bytes is longer than %d", len(m.Text), maxText)
	}
	m.Text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) && r != '\n' && r != '\t' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(m.Text, "�"))
	return m, nil
}

// oneLine makes a header's text: no line ends, no direction marks, bounded.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		switch {
		case unicode.IsControl(r), r == '\u2028', r == '\u2029':
			return ' '
		case unicode.Is(unicode.Bidi_Control, r):
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "�"))), " ")
	if runes := []rune(s); len(runes) > maxSubject {
		s = string(runes[:maxSubject-1]) + "…"
	}
	return s
}

// address accepts a bare address and nothing around it.
func address(s string) (string, error) {
	if len(s) > maxAddress || strings.ContainsFunc(s, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) }) {
		return "", fmt.Errorf("not an e-mail address")
	}
	parsed, err := netmail.ParseAddress(s)
	if err != nil || parsed.Name != "" || parsed.Address != s {
		return "", fmt.Errorf("not an e-mail address")
	}
	return s, nil
}

// Sender hands a message over. The id stays the same at every attempt, so that a
// message that arrived twice can be recognised (Message-ID).
type Sender interface {
	Send(ctx context.Context, id string, at time.Time, m Message) error
}

// Route delivers queued mail through a sender.
func Route(sender Sender) queue.Route {
	read := func(item queue.Item) (Message, error) {
		var m Message
		err := json.Unmarshal(item.Body, &m)
		return m, err
	}
	return queue.Route{
		Deliver: func(ctx context.Context, item queue.Item) error {
			m, err := read(item)
			if err != nil {
				return queue.Permanent(fmt.Errorf("reading a queued mail: %w", err))
			}
			return sender.Send(ctx, item.ID, item.CreatedAt, m)
		},
		Target: func(item queue.Item) audit.Target {
			m, _ := read(item)
			return audit.Target{Kind: "email", ID: item.ID, Key: m.To}
		},
	}
}
