package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

func (w *Workspace) review(id string) string { return w.root() + "/reviews/" + url.PathEscape(id) }

// RequestReview asks people to review an item.
func (w *Workspace) RequestReview(ctx context.Context, in api.ReviewRequest) (*api.Review, error) {
	var out api.Review
	if _, err := w.c.send(ctx, call{method: http.MethodPost, path: w.root() + "/reviews", body: in}, &out); err != nil {
		return nil, fmt.Errorf("asking for a review of %s: %w", in.Item, err)
	}
	return &out, nil
}

// Reviews visits the reviews that match the filters (item, state, reviewer), oldest
// first, until visit returns false.
func (w *Workspace) Reviews(ctx context.Context, filters map[string]string, visit func(api.Review) bool) error {
	if err := eachPage(ctx, w.c, w.root()+"/reviews", queryOf(filters), api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("listing reviews: %w", err)
	}
	return nil
}

// ReviewStatus reads how far a review is.
func (w *Workspace) ReviewStatus(ctx context.Context, id string) (*api.ReviewStatus, error) {
	var out api.ReviewStatus
	if _, err := w.c.send(ctx, call{method: http.MethodGet, path: w.review(id) + "/status"}, &out); err != nil {
		return nil, fmt.Errorf("reading the status of review %s: %w", id, err)
	}
	return &out, nil
}

// SetReviewState closes or cancels a review, or opens it again.
func (w *Workspace) SetReviewState(ctx context.Context, id, state string) (*api.Review, error) {
	var out api.Review
	if _, err := w.c.send(ctx, call{method: http.MethodPut, path: w.review(id) + "/state", safe: true, body: api.ReviewState{State: state}}, &out); err != nil {
		return nil, fmt.Errorf("making review %s %s: %w", id, state, err)
	}
	return &out, nil
}

// GiveVerdict gives the caller's verdict in a review.
func (w *Workspace) GiveVerdict(ctx context.Context, id string, in api.VerdictRequest) (*api.Verdict, error) {
	var out api.Verdict
	if _, err := w.c.send(ctx, call{method: http.MethodPut, path: w.review(id) + "/verdict", body: in}, &out); err != nil {
		return nil, fmt.Errorf("giving a verdict in review %s: %w", id, err)
	}
	return &out, nil
}

// Verdicts visits the verdicts of a review in the order in which they were given, until
// visit returns false.
func (w *Workspace) Verdicts(ctx context.Context, id string, visit func(api.Verdict) bool) error {
	if err := eachPage(ctx, w.c, w.review(id)+"/verdicts", url.Values{}, api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("listing the verdicts of review %s: %w", id, err)
	}
	return nil
}

// Comment comments on an item.
func (w *Workspace) Comment(ctx context.Context, in api.CommentRequest) (*api.Comment, error) {
	var out api.Comment
	if _, err := w.c.send(ctx, call{method: http.MethodPost, path: w.root() + "/comments", body: in}, &out); err != nil {
		return nil, fmt.Errorf("commenting: %w", err)
	}
	return &out, nil
}

// Comments visits comments on an item, in a review or in a thread, oldest first, until
// visit returns false.
func (w *Workspace) Comments(ctx context.Context, filters map[string]string, visit func(api.Comment) bool) error {
	if err := eachPage(ctx, w.c, w.root()+"/comments", queryOf(filters), api.MaxPageSize, visit); err != nil {
		return fmt.Errorf("listing comments: %w", err)
	}
	return nil
}

// SetThread resolves or archives a thread, or opens it again.
func (w *Workspace) SetThread(ctx context.Context, id, state string) (*api.Comment, error) {
	var out api.Comment
	if _, err := w.c.send(ctx, call{method: http.MethodPut, path: w.root() + "/comments/" + url.PathEscape(id) + "/thread", safe: true, body: api.ThreadState{State: state}}, &out); err != nil {
		return nil, fmt.Errorf("making a thread %s: %w", state, err)
	}
	return &out, nil
}
