package mail

import (
	"context"
	"log/slog"
	"time"
)

// Log stands in for an SMTP server where none is set: it notes that a message would
// have left. Recipient and content stay out of the log, which many people read.
type Log struct {
	Logger *slog.Logger
	// Contents writes the whole message. For development on one's own machine: codes
	// and links in a log let whoever reads it act as the recipient.
	Contents bool
}

// Send notes a message.
func (l Log) Send(ctx context.Context, id string, _ time.Time, m Message) error {
	if l.Contents {
		l.Logger.InfoContext(ctx, "mail", "delivery", id, "to", m.To, "subject", m.Subject, "text", m.Text)
		return nil
	}
	l.Logger.InfoContext(ctx, "mail was not sent: no SMTP server is set (--smtp-url)", "delivery", id)
	return nil
}
