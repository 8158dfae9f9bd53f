package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ErasePerson erases what the workspace holds about a person; with dry it says what
// that would be.
func (w *Workspace) ErasePerson(ctx context.Context, email string, dry bool) (*api.Erasure, error) {
	in := call{method: http.MethodPost, path: w.root() + "/persons/erase", safe: true, body: api.PersonRequest{Email: email}}
	if dry {
		in.query = url.Values{"dry_run": {"true"}}
	}
	var out api.Erasure
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("erasing %s: %w", email, err)
	}
	return &out, nil
}

// ExportPerson reads everything that the workspace holds about a person.
func (w *Workspace) ExportPerson(ctx context.Context, email string) (*api.PersonExport, error) {
	var out api.PersonExport
	in := call{method: http.MethodPost, path: w.root() + "/persons/export", safe: true, body: api.PersonRequest{Email: email}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("exporting what is held about %s: %w", email, err)
	}
	return &out, nil
}
