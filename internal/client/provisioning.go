package client

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ProvisioningEvent is one request of an identity provider and what became of it.
type ProvisioningEvent struct {
	ID         string          `json:"id"`
	Connection string          `json:"connection"`
	Time       time.Time       `json:"time"`
	Operation  string          `json:"operation"`
	Resource   string          `json:"resource"`
	Target     string          `json:"target"`
	Outcome    string          `json:"outcome"`
	Status     int64           `json:"status"`
	Detail     string          `json:"detail"`
	Request    json.RawMessage `json:"request"`
	RequestID  string          `json:"request_id"`
	ReplayedAs string          `json:"replayed_as"`
}

// ProvisioningEvents visits events, the newest first, until visit returns false. filters
// are connection, outcome and waiting.
func (w *Workspace) ProvisioningEvents(ctx context.Context, filters map[string]string, visit func(ProvisioningEvent) bool) error {
	if err := eachPage(ctx, w.c, w.root()+"/provisioning_events", queryOf(filters), api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("reading provisioning events: %w", err)
	}
	return nil
}

// Replayed is what became of a replay.
type Replayed struct {
	Event    ProvisioningEvent  `json:"event"`
	As       *ProvisioningEvent `json:"as"`
	Status   int                `json:"status"`
	Detail   string             `json:"detail"`
	Repeated bool               `json:"repeated"`
}

// ReplayProvisioningEvent does the request of a failed or held event again. Twice is the
// same as once.
func (w *Workspace) ReplayProvisioningEvent(ctx context.Context, id string) (*Replayed, error) {
	var out Replayed
	in := call{method: http.MethodPost, path: w.root() + "/provisioning_events/" + url.PathEscape(id) + "/replay"}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("replaying event %s: %w", id, err)
	}
	return &out, nil
}

// ProvisioningHealth is how a provisioning connection does.
type ProvisioningHealth struct {
	Connection     string              `json:"connection"`
	State          string              `json:"state"`
	LastRequestAt  *time.Time          `json:"last_request_at,omitempty"`
	LastSuccessAt  *time.Time          `json:"last_success_at,omitempty"`
	LastFailureAt  *time.Time          `json:"last_failure_at,omitempty"`
	LagSeconds     int64               `json:"lag_seconds"`
	Applied        int64               `json:"applied"`
	Errors         []ProvisioningError `json:"errors"`
	Waiting        int64               `json:"waiting"`
	People         int64               `json:"people"`
	Groups         int64               `json:"groups"`
	TokenExpiresAt *time.Time          `json:"token_expires_at,omitempty"`
}

// ProvisioningError counts refusals of one kind.
type ProvisioningError struct {
	Status int64  `json:"status"`
	Count  int64  `json:"count"`
	Detail string `json:"detail"`
}

// ProvisioningHealth tells how each provisioning connection does.
func (w *Workspace) ProvisioningHealth(ctx context.Context) ([]ProvisioningHealth, error) {
	var out struct {
		Items []ProvisioningHealth `json:"items"`
	}
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.root() + "/provisioning_health"}, &out); err != nil {
		return nil, fmt.Errorf("reading the health of provisioning: %w", err)
	}
	return out.Items, nil
}

// DirectoryGroup is a group as an identity provider pushed it.
type DirectoryGroup struct {
	ID          string    `json:"id"`
	Connection  string    `json:"connection"`
	DisplayName string    `json:"display_name"`
	ExternalID  string    `json:"external_id"`
	Members     int64     `json:"members"`
	Mapped      bool      `json:"mapped"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// DirectoryGroups lists the groups that identity providers pushed.
func (w *Workspace) DirectoryGroups(ctx context.Context) ([]DirectoryGroup, error) {
	return items[DirectoryGroup](ctx, w.c, w.root()+"/directory_groups", "the pushed groups")
}
