package review

import (
	"context"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// GiveVerdict takes the verdict of a named reviewer (C080). The last one counts; all
// are kept.
func GiveVerdict(ctx context.Context, s *object.Scope, id string, in api.VerdictRequest) (*api.Verdict, error) {
	r, at, err := find(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if violations := in.Validate(); len(violations) > 0 {
		return nil, api.InvalidObject("verdict", id, violations)
	}
	email, err := named(ctx, s, r)
	if err != nil {
		return nil, err
	}
	if err := mayVerdict(ctx, s, at.path); err != nil {
		return nil, err
	}
	// Takes the lock: verdicts of one review come one after the other, and none comes
	// after its end.
	res, err := s.Tx.ExecContext(ctx, `UPDATE review SET updated_at = $1 WHERE workspace_id = $2 AND id = $3 AND state = 'open'`, s.Now.UnixMicro(), s.WorkspaceID, id)
	if err != nil {
		return nil, fmt.Errorf("giving a verdict: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return nil, api.NewProblem(api.CodeConflict, "The review is not open, so it takes no verdicts. Who asked for it can open it again.")
	}
	v := &api.Verdict{ID: store.NewID("vdct", s.Now), Reviewer: email, Verdict: in.Verdict, Comment: in.Comment, GivenAt: s.Now}
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO review_verdict (workspace_id, id, review_id, email, verdict, body, given_at) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		s.WorkspaceID, v.ID, id, email, v.Verdict, v.Comment, s.Now.UnixMicro()); err != nil {
		return nil, fmt.Errorf("keeping a verdict: %w", err)
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE review_reviewer SET verdict = $1, verdict_at = $2, viewed_at = CASE WHEN viewed_at = 0 THEN $2 ELSE viewed_at END WHERE workspace_id = $3 AND review_id = $4 AND email = $5`,
		v.Verdict, s.Now.UnixMicro(), s.WorkspaceID, id, email); err != nil {
		return nil, fmt.Errorf("keeping a verdict: %w", err)
	}
	after := map[string]any{"item": at.path, "verdict": v.Verdict, "reviewer": email, "comment_length": len(v.Comment), "requested_by": r.by}
	return v, s.Record("review.verdict_given", r.target(at.path), audit.EffectNeutral, nil, after)
}

// named is the address under which the caller is a reviewer.
func named(ctx context.Context, s *object.Scope, r *row) (string, error) {
	email := addressOf(s.Caller.Kind, s.Caller.Key)
	refused := api.NewProblem(api.CodeForbidden, "Only the reviewers who are named in the review do this, each for themselves.")
	if email == "" {
		return "", refused
	}
	var n int
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM review_reviewer WHERE workspace_id = $1 AND review_id = $2 AND email = $3`, s.WorkspaceID, r.id, email).Scan(&n); err != nil {
		return "", fmt.Errorf("looking for a reviewer: %w", err)
	}
	if n == 0 {
		return "", refused
	}
	return email, nil
}

// Viewed notes that a named reviewer looked at the review (C081): the first time counts.
func Viewed(ctx context.Context, s *object.Scope, id string) error {
	r, at, err := find(ctx, s, id)
	if err != nil {
		return err
	}
	email, err := named(ctx, s, r)
	if err != nil {
		return err
	}
	res, err := s.Tx.ExecContext(ctx, `UPDATE review_reviewer SET viewed_at = $1 WHERE workspace_id = $2 AND review_id = $3 AND email = $4 AND viewed_at = 0`, s.Now.UnixMicro(), s.WorkspaceID, id, email)
	if err != nil {
		return fmt.Errorf("noting who looked at a review: %w", err)
	}
	if n, err := res.RowsAffected(); err != nil || n == 0 {
		return err
	}
	return s.Record("review.viewed", r.target(at.path), audit.EffectNeutral, nil, map[string]any{"item": at.path, "reviewer": email})
}

// Verdicts answers a page of all verdicts of a review, in the order in which they were
// given.
func Verdicts(ctx context.Context, s *object.Scope, id, cursor string, limit int) (api.Page[api.Verdict], error) {
	page := api.Page[api.Verdict]{Items: []api.Verdict{}}
	if _, _, err := find(ctx, s, id); err != nil {
		return page, err
	}
	limit = bounded(limit)
	rows, err := s.Tx.QueryContext(ctx, `SELECT id, email, verdict, body, given_at FROM review_verdict WHERE workspace_id = $1 AND review_id = $2 AND id > $3 ORDER BY id LIMIT $4`, s.WorkspaceID, id, cursor, limit+1)
	if err != nil {
		return page, fmt.Errorf("reading verdicts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var v api.Verdict
		var at int64
		if err := rows.Scan(&v.ID, &v.Reviewer, &v.Verdict, &v.Comment, &at); err != nil {
			return page, fmt.Errorf("reading verdicts: %w", err)
		}
		v.GivenAt = time.UnixMicro(at).UTC()
		if len(page.Items) == limit {
			page.NextCursor = page.Items[limit-1].ID
			break
		}
		page.Items = append(page.Items, v)
	}
	return page, rows.Err()
}

// Status says how far a review is, and each of its reviewers (C081).
func Status(ctx context.Context, s *object.Scope, id string) (*api.ReviewStatus, error) {
	r, at, err := find(ctx, s, id)
	if err != nil {
		return nil, err
	}
	people, err := reviewersOf(ctx, s, id)
	if err != nil {
		return nil, err
	}
	out := &api.ReviewStatus{ID: id, Item: at.path, Name: r.name, State: r.state, Outcome: outcome(people), DueAt: store.FromMicros(r.due), Reviewers: make([]api.ReviewerStatus, len(people))}
	out.Overdue = r.overdue(s.Now, out.Outcome)
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*), COALESCE(SUM(CASE WHEN state = 'open' THEN 1 ELSE 0 END), 0) FROM item_comment WHERE workspace_id = $1 AND review_id = $2 AND deleted_at = 0`, s.WorkspaceID, id).Scan(&out.Comments, &out.Unresolved); err != nil {
		return nil, fmt.Errorf("counting comments: %w", err)
	}
	said, err := activity(ctx, s, id)
	if err != nil {
		return nil, err
	}
	verdicts, err := verdictCounts(ctx, s, id)
	if err != nil {
		return nil, err
	}
	for i, p := range people {
		may, err := allowed(ctx, s, p.email, at.path, reviewRead, commentCreate)
		if err != nil {
			return nil, err
		}
		out.Reviewers[i] = api.ReviewerStatus{
			Reviewer: p.email, NotifiedAt: store.FromMicros(p.notified), ViewedAt: store.FromMicros(p.viewed),
			Comments: said[p.email].n, LastCommentAt: store.FromMicros(said[p.email].last),
			Verdict: p.verdict, VerdictAt: store.FromMicros(p.at), Verdicts: verdicts[p.email], CanReview: may,
		}
	}
	return out, nil
}

type spoken struct{ n, last int64 }

// activity counts the comments in a review by the address of their author. It groups by
// an expression, so that no engine walks the index of all authors in their order.
func activity(ctx context.Context, s *object.Scope, id string) (map[string]spoken, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT author, COUNT(*), MAX(created_at) FROM (SELECT author || '' AS author, created_at FROM item_comment WHERE workspace_id = $1 AND review_id = $2 AND deleted_at = 0) AS said GROUP BY author`, s.WorkspaceID, id)
	if err != nil {
		return nil, fmt.Errorf("counting comments: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]spoken{}
	for rows.Next() {
		var author string
		var one spoken
		if err := rows.Scan(&author, &one.n, &one.last); err != nil {
			return nil, fmt.Errorf("counting comments: %w", err)
		}
		kind, key, _ := api.SplitPrincipal(author)
		if email := addressOf(kind, key); email != "" {
			// Somebody may have come through a link first and with an account later.
			both := out[email]
			out[email] = spoken{both.n + one.n, max(both.last, one.last)}
		}
	}
	return out, rows.Err()
}

func verdictCounts(ctx context.Context, s *object.Scope, id string) (map[string]int64, error) {
	rows, err := s.Tx.QueryContext(ctx, `SELECT email, COUNT(*) FROM (SELECT email || '' AS email FROM review_verdict WHERE workspace_id = $1 AND review_id = $2) AS given GROUP BY email`, s.WorkspaceID, id)
	if err != nil {
		return nil, fmt.Errorf("counting verdicts: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := map[string]int64{}
	for rows.Next() {
		var email string
		var n int64
		if err := rows.Scan(&email, &n); err != nil {
			return nil, fmt.Errorf("counting verdicts: %w", err)
		}
		out[email] = n
	}
	return out, rows.Err()
}
