package review

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// targetKind is what the audit log calls reviews; their key there is the item's path.
const targetKind = "review"

// maxDue is how far away a due date may lie.
const maxDue = 2 * 365 * 24 * time.Hour

// Request asks people to review an item (C078). Each of them has to be able to comment
// on it already: asking for a review gives no access.
func Request(ctx context.Context, s *object.Scope, in api.ReviewRequest) (*api.Review, error) {
	if err := s.Active(ctx); err != nil {
		return nil, err
	}
	violations := in.Validate()
	if len(violations) > 0 {
		return nil, api.InvalidObject(targetKind, in.Name, violations)
	}
	at, err := itemAt(ctx, s, in.Item)
	if err != nil {
		return nil, err
	}
	if err := s.RequireOn(ctx, at.path, reviewRequest); err != nil {
		return nil, err
	}
	if in.DueAt != nil {
		if due := in.DueAt.UTC().Truncate(time.Microsecond); !due.After(s.Now) || due.After(s.Now.Add(maxDue)) {
			violations = append(violations, api.Invalid("/due_at", "%s has passed, or lies more than two years away; it is %s now", due.Format(time.RFC3339), s.Now.Format(time.RFC3339)))
		}
	}
	for i, email := range in.Reviewers {
		ok, err := allowed(ctx, s, email, at.path, reviewRead, commentCreate)
		if err != nil {
			return nil, err
		}
		if !ok {
			violations = append(violations, api.Invalid(fmt.Sprintf("/reviewers/%d", i), "%s cannot comment on %s, which a reviewer has to; give them the level comment there first (an access grant for member:%s, or email:%s without an account), then ask again", email, at.path, email, email))
		}
	}
	if len(violations) > 0 {
		return nil, api.InvalidObject(targetKind, in.Name, violations)
	}
	r := &row{id: store.NewID("rvw", s.Now), itemID: at.id, name: in.Name, instructions: in.Instructions, due: store.Micros(in.DueAt), state: api.ReviewOpen, by: s.Caller.Principal(), created: s.Now, updated: s.Now}
	if err := r.insert(ctx, s, in.Reviewers); err != nil {
		return nil, err
	}
	after := map[string]any{"item": at.path, "reviewers": in.Reviewers, "due_at": in.DueAt, "instructions_length": len(in.Instructions)}
	if err := s.Record("review.requested", r.target(at.path), audit.EffectNeutral, nil, after); err != nil {
		return nil, err
	}
	return r.view(ctx, s, at.path)
}

// row is a review as it is stored.
type row struct {
	id, itemID         string
	name, instructions string
	due                int64
	state, by          string
	created, updated   time.Time
}

func (r *row) target(path string) audit.Target {
	return audit.Target{Kind: targetKind, ID: r.id, Key: path}
}

func (r *row) insert(ctx context.Context, s *object.Scope, reviewers []string) error {
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO review (workspace_id, id, item_id, name, instructions, due_at, state, requested_by, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		s.WorkspaceID, r.id, r.itemID, r.name, r.instructions, r.due, r.state, r.by, r.created.UnixMicro(), r.updated.UnixMicro()); err != nil {
		return fmt.Errorf("keeping a review: %w", err)
	}
	for i, email := range reviewers {
		// The audit log is what inboxes and mail are served from: with this transaction
		// the request is on its way.
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO review_reviewer (workspace_id, review_id, email, position, notified_at, viewed_at, verdict, verdict_at) VALUES ($1, $2, $3, $4, $5, 0, '', 0)`,
			s.WorkspaceID, r.id, email, i, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("keeping the reviewers: %w", err)
		}
	}
	return nil
}

const rowColumns = `review.id, review.item_id, review.name, review.instructions, review.due_at, review.state, review.requested_by, review.created_at, review.updated_at`

func scanRow(from interface{ Scan(...any) error }, more ...any) (*row, error) {
	var r row
	var created, updated int64
	if err := from.Scan(append([]any{&r.id, &r.itemID, &r.name, &r.instructions, &r.due, &r.state, &r.by, &created, &updated}, more...)...); err != nil {
		return nil, err
	}
	r.created, r.updated = time.UnixMicro(created).UTC(), time.UnixMicro(updated).UTC()
	return &r, nil
}

// find reads a review that the caller may read, and the item that it is about.
func find(ctx context.Context, s *object.Scope, id string) (*row, place, error) {
	if err := s.Active(ctx); err != nil {
		return nil, place{}, err
	}
	r, err := scanRow(s.Tx.QueryRowContext(ctx, `SELECT `+rowColumns+` FROM review WHERE workspace_id = $1 AND id = $2`, s.WorkspaceID, id))
	if noRows(err) {
		return nil, place{}, object.NotFound(targetKind, id)
	}
	if err != nil {
		return nil, place{}, fmt.Errorf("reading a review: %w", err)
	}
	at, err := itemOf(ctx, s, r.itemID, object.NotFound(targetKind, id))
	return r, at, err
}

// Get answers one review.
func Get(ctx context.Context, s *object.Scope, id string) (*api.Review, error) {
	r, at, err := find(ctx, s, id)
	if err != nil {
		return nil, err
	}
	return r.view(ctx, s, at.path)
}

// view is the review as it is read.
func (r *row) view(ctx context.Context, s *object.Scope, path string) (*api.Review, error) {
	people, err := reviewersOf(ctx, s, r.id)
	if err != nil {
		return nil, err
	}
	out := &api.Review{ID: r.id, Item: path, Name: r.name, Instructions: r.instructions, DueAt: store.FromMicros(r.due), State: r.state, RequestedBy: r.by, CreatedAt: r.created, UpdatedAt: r.updated, Reviewers: make([]string, len(people))}
	for i, p := range people {
		out.Reviewers[i] = p.email
	}
	out.Outcome = outcome(people)
	out.Overdue = r.overdue(s.Now, out.Outcome)
	return out, nil
}

// overdue: it waits for verdicts that should be there by now.
func (r *row) overdue(now time.Time, outcome string) bool {
	return r.state == api.ReviewOpen && r.due != 0 && now.UnixMicro() >= r.due && outcome == api.OutcomePending
}

// reviewer is one of those who were asked.
type reviewer struct {
	email            string
	notified, viewed int64
	verdict          string
	at               int64
}

func reviewersOf(ctx context.Context, s *object.Scope, id string) ([]reviewer, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT email, notified_at, viewed_at, verdict, verdict_at FROM review_reviewer WHERE workspace_id = $1 AND review_id = $2 ORDER BY position`, s.WorkspaceID, id)
	if err != nil {
		return nil, fmt.Errorf("reading reviewers: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []reviewer
	for rows.Next() {
		var p reviewer
		if err := rows.Scan(&p.email, &p.notified, &p.viewed, &p.verdict, &p.at); err != nil {
			return nil, fmt.Errorf("reading reviewers: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// outcome: one who wants changes decides it; until all have approved it is pending.
func outcome(people []reviewer) string {
	out := api.VerdictApproved
	for _, p := range people {
		switch p.verdict {
		case api.VerdictNeedsChanges:
			return api.VerdictNeedsChanges
		case "":
			out = api.OutcomePending
		}
	}
	return out
}

// SetState closes, cancels or opens a review again. That is for who asked for it and
// for those who manage the item.
func SetState(ctx context.Context, s *object.Scope, id string, in api.ReviewState) (*api.Review, error) {
	r, at, err := find(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject(targetKind, id, violations)
	}
	if err := mayRun(ctx, s, r, at); err != nil {
		return nil, err
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE review SET state = $1, updated_at = $2 WHERE workspace_id = $3 AND id = $4 AND state <> $1`, in.State, s.Now.UnixMicro(), s.WorkspaceID, id)
	if err != nil {
		return nil, fmt.Errorf("changing a review: %w", err)
	}
	n, err := res.RowsAffected()
	if err != nil {
		return nil, fmt.Errorf("changing a review: %w", err)
	}
	if n > 0 {
		action := map[string]string{api.ReviewOpen: "review.reopened", api.ReviewClosed: "review.closed", api.ReviewCancelled: "review.cancelled"}[in.State]
		if err := s.Record(action, r.target(at.path), audit.EffectNeutral, nil, map[string]any{"item": at.path}); err != nil {
			return nil, err
		}
		r.state, r.updated = in.State, s.Now
	}
	return r.view(ctx, s, at.path)
}

func mayRun(ctx context.Context, s *object.Scope, r *row, at place) error {
	if r.by == s.Caller.Principal() {
		return s.RequireOn(ctx, at.path, reviewRequest)
	}
	err := s.RequireOn(ctx, at.path, itemSettings)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeForbidden {
		p.Detail = "Only who asked for the review, and those who manage the item, close it, cancel it or open it again. " + p.Detail
	}
	return err
}
