package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	netmail "net/mail"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
)

// SMTP hands mail to a server.
type SMTP struct {
	host, user, password string
	port                 int
	implicit             bool // TLS from the first byte
	from                 netmail.Address
	tls                  *tls.Config
	timeout              time.Duration
}

// Settings are what an operator says about mail.
type Settings struct {
	// URL is smtp://[user@]host[:port] (STARTTLS, port 587) or smtps://… (TLS from the
	// start, port 465). Only a server on this machine may do without TLS.
	URL string
	// Password of the user in URL. It is no part of the URL, which others can see in
	// the list of processes.
	Password string
	// From is the sender, e.g. "Gatehouse <gatehouse@example.com>".
	From string
	// TLS replaces the certificates that are trusted; for tests and private authorities.
	TLS *tls.Config
}

const smtpTimeout = 20 * time.Second

// NewSMTP checks the settings; it does not connect.
func NewSMTP(s Settings) (*SMTP, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return nil, errors.New("the SMTP URL cannot be read; write smtp://user@mail.example.com:587")
	}
	out := &SMTP{host: u.Hostname(), user: u.User.Username(), password: s.Password, timeout: smtpTimeout}
	switch u.Scheme {
	case "smtp":
		out.port = 587
	case "smtps":
		out.port, out.implicit = 465, true
	default:
		return nil, errors.New("the SMTP URL must begin with smtp:// (STARTTLS) or smtps://")
	}
	if _, given := u.User.Password(); given {
		return nil, errors.New("the SMTP URL holds a password, which others could see; put it into a file")
	}
	if out.host == "" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("the SMTP URL names a user, a host and a port, nothing else")
	}
	if p := u.Port(); p != "" {
		if out.port, err = strconv.Atoi(p); err != nil || out.port < 1 || out.port > 65535 {
			return nil, errors.New("the port of the SMTP URL is not a port")
		}
	}
	if (out.user == "") != (out.password == "") {
		return nil, errors.New("the user of the SMTP URL and a password belong together")
	}
	from, err := netmail.ParseAddress(s.From)
	if err != nil {
		return nil, fmt.Errorf("the sender %q is not an address; write e.g. \"Gatehouse <gatehouse@example.com>\"", s.From)
	}
	if from.Address, err = address(from.Address); err != nil {
		return nil, fmt.Errorf("the sender: %w", err)
	}
	out.from = netmail.Address{Name: oneLine(from.Name), Address: from.Address}
	out.tls = &tls.Config{MinVersion: tls.VersionTLS12}
	if s.TLS != nil {
		out.tls = s.TLS.Clone()
	}
	out.tls.ServerName = out.host
	return out, nil
}

// Send hands one message over.
func (s *SMTP) Send(ctx context.Context, id string, at time.Time, m Message) error {
	msg, err := s.compose(id, at, m)
	if err != nil {
		return queue.Permanent(err)
	}
	dial := &dialer{smtp: s}
	defer dial.close()
	client, err := s.client(dial)
	if err != nil {
		return err
	}
	// The library heeds the context only while it connects.
	stop := context.AfterFunc(ctx, dial.close)
	defer stop()
	err = client.DialAndSendWithContext(ctx, msg)
	if err == nil || msg.IsDelivered() {
		return nil // what went wrong after the server had taken it must not send it again
	}
	return smtpError(err)
}

func (s *SMTP) client(dial *dialer) (*gomail.Client, error) {
	_, domain, _ := strings.Cut(s.from.Address, "@")
	options := []gomail.Option{
		gomail.WithPort(s.port), gomail.WithTimeout(s.timeout), gomail.WithTLSConfig(s.tls), gomail.WithHELO(domain),
		gomail.WithDialContextFunc(dial.dial), gomail.WithTLSPolicy(s.policy()),
	}
	if s.user != "" {
		options = append(options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(s.user), gomail.WithPassword(s.password))
	}
	client, err := gomail.NewClient(s.host, options...)
	if err != nil {
		return nil, fmt.Errorf("preparing to send mail: %w", err)
	}
	return client, nil
}

// policy: whoever reads along on the way must not read a code. A connection that is
// encrypted from the start offers no STARTTLS.
func (s *SMTP) policy() gomail.TLSPolicy {
	if s.implicit || s.host == "localhost" || net.ParseIP(s.host).IsLoopback() {
		return gomail.TLSOpportunistic
	}
	return gomail.TLSMandatory
}

func (s *SMTP) compose(id string, at time.Time, m Message) (*gomail.Msg, error) {
	m, err := m.clean()
	if err != nil {
		return nil, err
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(&s.from)
	if err := msg.To(m.To); err != nil {
		return nil, errors.New("the recipient is not an address")
	}
	_, domain, _ := strings.Cut(s.from.Address, "@")
	msg.SetMessageIDWithValue(id + "@" + domain)
	msg.SetDateWithValue(at)
	msg.Subject(m.Subject)
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834 §5: no vacation replies
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	return msg, nil
}

// dialer keeps the connection, which the library leaves open when a greeting fails.
type dialer struct {
	smtp *SMTP
	mu   sync.Mutex
	conn net.Conn
}

func (d *dialer) dial(ctx context.Context, network, addr string) (conn net.Conn, err error) {
	plain := &net.Dialer{Timeout: d.smtp.timeout}
	if d.smtp.implicit {
		conn, err = (&tls.Dialer{NetDialer: plain, Config: d.smtp.tls}).DialContext(ctx, network, addr)
	} else {
		conn, err = plain.DialContext(ctx, network, addr)
	}
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	d.mu.Lock()
	d.conn = conn
	d.mu.Unlock()
	return conn, nil
}

func (d *dialer) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.conn != nil {
		_ = d.conn.Close()
	}
}

var addressPattern = regexp.MustCompile(`[^\s<>"',;:]+@[^\s<>"',;:]+`)

// smtpError says what the server answered, without the addresses that it repeats: it
// goes into the server's log. The recipient's own fault is final, the operator's (no
// relaying, no sign-in, no TLS) may be mended within the day.
func smtpError(err error) error {
	out := errors.New(addressPattern.ReplaceAllString(err.Error(), "(address)"))
	var send *gomail.SendError
	if !errors.As(err, &send) || send.IsTemp() || send.ErrorCode() < 500 || strings.HasPrefix(send.EnhancedStatusCode(), "5.7.") {
		return out
	}
	if send.Reason == gomail.ErrSMTPRcptTo || send.Reason == gomail.ErrSMTPDataClose {
		return queue.Permanent(out)
	}
	return out
}
