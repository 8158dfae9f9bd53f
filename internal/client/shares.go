package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Shares visits everything that is shared with people outside, and every open share
// link, until visit returns false. The filters resource and principal narrow it.
func (w *Workspace) Shares(ctx context.Context, filters map[string]string, visit func(api.Share) bool) error {
	if err := eachPage(ctx, w.c, w.root()+"/shares", queryOf(filters), api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("reading the shares: %w", err)
	}
	return nil
}

// ShareActivity reads who used a share link and when, newest first, up to a number of
// views.
func (w *Workspace) ShareActivity(ctx context.Context, ref string, most int) (*api.ShareActivity, error) {
	var all *api.ShareActivity
	for cursor := ""; ; {
		query := url.Values{"limit": {strconv.Itoa(min(most, api.MaxPageSize))}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		var page api.ShareActivity
		in := call{method: http.MethodGet, path: w.object(api.ShareLinkKind, ref) + "/activity", query: query}
		if _, err := w.c.send(ctx, in, &page); err != nil {
			return nil, fmt.Errorf("reading the activity of share link %q: %w", ref, err)
		}
		if all == nil {
			all = &page
		} else {
			all.Items = append(all.Items, page.Items...)
		}
		if cursor = page.NextCursor; cursor == "" || len(all.Items) >= most {
			all.Items = all.Items[:min(most, len(all.Items))]
			return all, nil
		}
	}
}

// ShareLinkSecret makes the URL of a share link. Rotation 0 makes one that is shown
// this once; the same number from 1 up gives the same URL while it is current.
func (w *Workspace) ShareLinkSecret(ctx context.Context, ref string, rotation int64) (*api.ShareSecret, error) {
	var out api.ShareSecret
	in := call{method: http.MethodPost, path: w.object(api.ShareLinkKind, ref) + "/secrets", safe: true, body: map[string]any{"rotation": rotation}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("asking for the URL of share link %q: %w", ref, err)
	}
	return &out, nil
}

// IntrospectVisit asks who stands behind a visitor's session, and what the link gives
// them on an item ("" for the link's own).
func (w *Workspace) IntrospectVisit(ctx context.Context, session, resource string) (*api.ShareVisit, error) {
	var out api.ShareVisit
	body := map[string]any{"session": session}
	if resource != "" {
		body["resource"] = resource
	}
	in := call{method: http.MethodPost, path: w.root() + "/share_visits/introspect", safe: true, body: body}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("asking about a visit: %w", err)
	}
	return &out, nil
}
