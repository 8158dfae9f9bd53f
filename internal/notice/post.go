package notice

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
)

// channelRoute is the queue's name for channels.
const channelRoute = "notification_channel"

// posting is a queued message of a channel; where it goes is read when it leaves.
type posting struct {
	Channel string  `json:"channel"` // id
	Name    string  `json:"name"`
	Message message `json:"message"`
}

// message is what a webhook receives (Standard Webhooks: type, timestamp, data).
type message struct {
	Type      string    `json:"type"`
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

type data struct {
	Workspace  string `json:"workspace"`
	Event      string `json:"event"` // id in the audit log
	Text       string `json:"text"`
	Item       string `json:"item,omitempty"`
	Actor      string `json:"actor,omitempty"`
	TargetKind string `json:"target_kind,omitempty"`
	TargetID   string `json:"target_id,omitempty"`
}

// post queues an event for every channel that wants it.
func (h *herald) post(ctx context.Context, e *audit.Event, t telling) error {
	for _, c := range h.channels {
		if !slices.Contains(c.Events, t.event) || c.Scope != vocabulary.RootPath && !vocabulary.ScopeContains(c.Scope, t.item) {
			continue
		}
		text := strings.NewReplacer("your link", "the link", "Your link", "The link", "mentioned you", "mentioned somebody", "asks you to review", "asks for a review of", "your request", "a request", "Your request", "A request", "your invitation", "an invitation").Replace(sentence(t.event, t.item, e))
		if c.Type == "email" {
			for _, to := range c.Addresses {
				if err := mail.Send(ctx, h.scope, mail.Message{To: to, Subject: h.scope.Slug + ": " + strings.TrimSuffix(text, "."), Text: text + "\n\nSent by the notification channel " + c.Name + ".\n"}); err != nil {
					return err
				}
			}
			continue
		}
		m := message{Type: t.event, Timestamp: e.Time, Data: data{Workspace: h.scope.Slug, Event: e.ID, Text: text, Item: t.item, Actor: actorOf(t.event, e), TargetKind: e.Target.Kind, TargetID: e.Target.ID}}
		if _, err := queue.Add(ctx, h.scope, channelRoute, posting{Channel: c.ID, Name: c.Name, Message: m}, queue.Options{}); err != nil {
			return err
		}
	}
	return nil
}

// Poster posts messages to channels.
type Poster struct {
	// Resolver of names; the system's when nil.
	Resolver *net.Resolver
	// AllowLoopback lets tests receive on this machine.
	AllowLoopback bool
	// TLS replaces the certificates that are trusted.
	TLS *tls.Config

	client *http.Client
}

// NewPoster makes one that connects to public addresses only.
func NewPoster() *Poster { return (&Poster{}).Ready() }

// Ready makes the client of a Poster whose fields were set.
func (p *Poster) Ready() *Poster {
	p.client = outbound.NewClient(outbound.Options{Resolver: p.Resolver, AllowLoopback: p.AllowLoopback, TLS: p.TLS})
	return p
}

func (p *Poster) route(svc *object.Service) queue.Route {
	return queue.Route{
		Deliver: func(ctx context.Context, item queue.Item) error { return p.deliver(ctx, svc, item) },
		Target: func(item queue.Item) audit.Target {
			var out posting
			_ = json.Unmarshal(item.Body, &out)
			return audit.Target{Kind: api.NotificationChannelKind.Name, ID: out.Channel, Key: out.Name}
		},
	}
}

func (p *Poster) deliver(ctx context.Context, svc *object.Service, item queue.Item) error {
	var out posting
	if err := json.Unmarshal(item.Body, &out); err != nil {
		return queue.Permanent(errors.New("the queued message cannot be read"))
	}
	var kind, address, secret string
	err := svc.View(ctx, object.System(item.Workspace), func(s *object.Scope) error {
		c, err := s.Get(ctx, api.NotificationChannelKind, out.Channel)
		if err != nil {
			return err
		}
		if !c.(*api.NotificationChannel).Enabled {
			return queue.Permanent(errors.New("the channel is disabled"))
		}
		kind = c.(*api.NotificationChannel).Type
		if address, err = s.Secret(ctx, out.Channel, secretURL); err != nil {
			return err
		}
		secret, err = s.Secret(ctx, out.Channel, secretSigning)
		return err
	})
	var problem *api.Problem
	if errors.As(err, &problem) {
		return queue.Permanent(errors.New("the channel has gone"))
	}
	if err != nil {
		return err
	}
	if kind == "slack" {
		return p.send(ctx, address, map[string]string{"text": slackText(out.Message)}, nil)
	}
	key, err := api.WebhookKey(secret)
	if err != nil {
		return queue.Permanent(errors.New("the channel has no signing secret"))
	}
	return p.send(ctx, address, out.Message, func(h http.Header, body []byte) {
		at := strconv.FormatInt(svc.Clock().Unix(), 10)
		h.Set("webhook-id", item.ID)
		h.Set("webhook-timestamp", at)
		h.Set("webhook-signature", "v1,"+sign(key, item.ID, at, body))
	})
}

// sign is the signature of Standard Webhooks: over id, time and body.
func sign(key []byte, id, at string, body []byte) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + at + "."))
	mac.Write(body)
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// slackText escapes the three characters that Slack gives a meaning to.
func slackText(m message) string {
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(m.Data.Text)
	return "*" + m.Data.Workspace + "*: " + text
}

// send posts JSON once. No error names the address, which is a secret.
func (p *Poster) send(ctx context.Context, address string, body any, headers func(http.Header, []byte)) error {
	raw, err := json.Marshal(body)
	if err != nil {
		return queue.Permanent(errors.New("the message cannot be written"))
	}
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" {
		return queue.Permanent(errors.New("the address is not an https URL"))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(raw))
	if err != nil {
		return queue.Permanent(errors.New("the address is not an https URL"))
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Gatehouse")
	if headers != nil {
		headers(req.Header, raw)
	}
	res, err := p.client.Do(req)
	if err != nil {
		return unnamed(err)
	}
	defer func() { _ = res.Body.Close() }()
	_, _ = io.CopyN(io.Discard, res.Body, outbound.MaxAnswer)
	switch {
	case res.StatusCode/100 == 2:
		return nil
	case res.StatusCode == http.StatusGone:
		return queue.Permanent(errors.New("the receiver answers 410: it wants no more messages"))
	case res.StatusCode/100 == 3:
		return fmt.Errorf("the receiver answers %d, and redirects are not followed", res.StatusCode)
	}
	return fmt.Errorf("the receiver answers %d", res.StatusCode)
}

// unnamed takes the address out of an error, and says which one trying again will not
// mend.
func unnamed(err error) error {
	err = outbound.Unnamed(err)
	if errors.Is(err, outbound.ErrInside) {
		return queue.Permanent(err)
	}
	return err
}
