package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func (w *Workspace) trashed(id string) string { return w.root() + "/trash/" + url.PathEscape(id) }

// Trash visits the items in the trash, those that are purged first at first, until
// visit returns false. A path leaves out what was elsewhere; "" is everywhere.
func (w *Workspace) Trash(ctx context.Context, path string, visit func(api.Trashed) bool) error {
	query := url.Values{}
	if path != "" {
		query.Set("path", path)
	}
	if err := eachPage(ctx, w.c, w.root()+"/trash", query, api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("reading the trash: %w", err)
	}
	return nil
}

// Restore takes an item back from the trash.
func (w *Workspace) Restore(ctx context.Context, id string) (*api.Restored, error) {
	var out api.Restored
	if _, err := w.c.send(ctx, call{method: http.MethodPost, path: w.trashed(id) + "/restore"}, &out); err != nil {
		return nil, fmt.Errorf("restoring %s: %w", id, err)
	}
	return &out, nil
}

// HoldTrashed puts an item in the trash under legal hold, or releases it.
func (w *Workspace) HoldTrashed(ctx context.Context, id string, hold bool) (*api.Trashed, error) {
	var out api.Trashed
	if _, err := w.c.send(ctx, call{method: http.MethodPut, path: w.trashed(id) + "/legal_hold", safe: true, body: api.TrashHold{LegalHold: hold}}, &out); err != nil {
		return nil, fmt.Errorf("changing the legal hold of %s: %w", id, err)
	}
	return &out, nil
}

// Purge deletes an item in the trash for good.
func (w *Workspace) Purge(ctx context.Context, id string) error {
	if _, err := w.c.send(ctx, call{method: http.MethodDelete, path: w.trashed(id)}, nil); err != nil {
		return fmt.Errorf("deleting %s for good: %w", id, err)
	}
	return nil
}
