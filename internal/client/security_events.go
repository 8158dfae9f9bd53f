package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func (w *Workspace) receiver(ref string) string {
	return w.root() + "/event_receivers/" + url.PathEscape(ref)
}

// VerifyEventReceiver sends a receiver of security events the verification event and
// answers what it says.
func (w *Workspace) VerifyEventReceiver(ctx context.Context, ref string) (*api.EventReceiverVerification, error) {
	var out api.EventReceiverVerification
	if _, err := w.c.send(ctx, call{method: http.MethodPost, path: w.receiver(ref) + "/verify"}, &out); err != nil {
		return nil, fmt.Errorf("verifying event receiver %s: %w", ref, err)
	}
	return &out, nil
}

// EventDeliveries lists the newest tokens for a receiver of security events, of one state
// or of all, and says how the receiver does.
func (w *Workspace) EventDeliveries(ctx context.Context, ref, state string, limit int) (*api.EventDeliveryPage, error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if state != "" {
		query.Set("state", state)
	}
	var out api.EventDeliveryPage
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.receiver(ref) + "/deliveries", query: query}, &out); err != nil {
		return nil, fmt.Errorf("listing deliveries to event receiver %s: %w", ref, err)
	}
	return &out, nil
}

// RotateSecurityEventKeys makes new keys for security events.
func (w *Workspace) RotateSecurityEventKeys(ctx context.Context, atOnce bool) (*api.SecurityEventKeys, error) {
	var out api.SecurityEventKeys
	in := call{method: http.MethodPost, path: w.root() + "/security_event_keys/rotate", body: api.RotateSecurityEventKeys{AtOnce: atOnce}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("rotating the keys of security events: %w", err)
	}
	return &out, nil
}
