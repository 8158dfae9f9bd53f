package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ProposedSharing is what a preview is asked about; what is empty stays as it is.
type ProposedSharing struct {
	SharingPolicy Document   `json:"sharing_policy,omitempty"`
	Overrides     []Document `json:"overrides,omitempty"`
	Without       []string   `json:"without,omitempty"`
	Resource      string     `json:"resource,omitempty"`
	Kind          string     `json:"kind,omitempty"`
}

// PreviewSharing asks what a sharing policy would mean for the shares that exist.
func (w *Workspace) PreviewSharing(ctx context.Context, q ProposedSharing) (*api.ConformancePreview, error) {
	var out api.ConformancePreview
	in := call{method: http.MethodPost, path: w.root() + "/policy_conformance/preview", reads: true, body: q}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("asking what the sharing policy would mean for existing shares: %w", err)
	}
	return &out, nil
}

// NonconformingShares lists the shares that the policy in force would not accept
// today; resource and kind narrow the list where they are not empty. It stops after
// most; more says that there are others.
func (w *Workspace) NonconformingShares(ctx context.Context, resource, kind string, most int) (shares []api.NonconformingShare, more bool, err error) {
	query := url.Values{}
	if resource != "" {
		query.Set("resource", resource)
	}
	if kind != "" {
		query.Set("kind", kind)
	}
	err = eachPage(ctx, w.c, w.root()+"/policy_conformance", query, api.MaxPageSize, func(sh api.NonconformingShare) bool {
		if more = len(shares) == most; !more {
			shares = append(shares, sh)
		}
		return !more
	})
	if err != nil {
		return nil, false, fmt.Errorf("listing shares that do not conform: %w", err)
	}
	return shares, more, nil
}

// EnforceSharing applies the sharing policy in force to existing shares: all of them,
// or those of an item and of what is below it.
func (w *Workspace) EnforceSharing(ctx context.Context, resource, kind string, dryRun bool) (*api.Enforcement, error) {
	var out api.Enforcement
	in := call{method: http.MethodPost, path: w.root() + "/sharing_policy/enforce", body: map[string]string{"resource": resource, "kind": kind}, safe: true}
	if dryRun {
		in.query = url.Values{"dry_run": {"true"}}
	}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("enforcing the sharing policy: %w", err)
	}
	return &out, nil
}

// Stale says which links nobody needs any more.
type Stale struct {
	Resource   string `json:"resource,omitempty"`
	UnusedDays int64  `json:"unused_days,omitempty"`
	Expired    bool   `json:"expired,omitempty"`
	MakerGone  bool   `json:"maker_gone,omitempty"`
}

// RevokeStaleLinks revokes share links that nobody needs any more.
func (w *Workspace) RevokeStaleLinks(ctx context.Context, q Stale, dryRun bool) (*api.StaleLinks, error) {
	var out api.StaleLinks
	in := call{method: http.MethodPost, path: w.root() + "/share_links/revoke_stale", body: q, safe: true}
	if dryRun {
		in.query = url.Values{"dry_run": {"true"}}
	}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("revoking stale share links: %w", err)
	}
	return &out, nil
}
