package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ApprovalRequests visits requests for approval, the newest first, until visit returns
// false. An empty state is all; mine leaves those that the caller may decide.
func (w *Workspace) ApprovalRequests(ctx context.Context, state string, mine bool, visit func(api.ApprovalRequest) bool) error {
	query := url.Values{}
	if state != "" {
		query.Set("state", state)
	}
	if mine {
		query.Set("mine", "true")
	}
	if err := eachPage(ctx, w.c, w.root()+"/approval_requests", query, api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("reading requests for approval: %w", err)
	}
	return nil
}

// DecideApproval approves, denies or withdraws a request: the verb of its route.
func (w *Workspace) DecideApproval(ctx context.Context, id, verb, comment string) (*api.ApprovalRequest, error) {
	var out api.ApprovalRequest
	in := call{method: http.MethodPost, path: w.root() + "/approval_requests/" + url.PathEscape(id) + "/" + verb, body: api.ApprovalVerdict{Comment: comment}}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("deciding the request %s: %w", id, err)
	}
	return &out, nil
}

// ResendInvitation sends an invitation again, with a new link; the one before opens
// nothing any more.
func (w *Workspace) ResendInvitation(ctx context.Context, ref string) (Document, error) {
	var out Document
	in := call{method: http.MethodPost, path: w.root() + "/invitations/" + url.PathEscape(ref) + "/resend"}
	if _, err := w.c.send(ctx, in, &out); err != nil {
		return nil, fmt.Errorf("sending the invitation %q again: %w", ref, err)
	}
	return out, nil
}
