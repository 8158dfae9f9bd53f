package sharing

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// maxLooked bounds how many requests one page looks at.
const maxLooked = 1000

// ApprovalFilter selects requests; empty fields select all.
type ApprovalFilter struct {
	State string
	// Mine leaves only those that the caller may decide and that are open.
	Mine bool
}

// Requests answers a page of the requests that the caller may see, the newest first:
// owner and admins all, others their own and those that they may decide.
func Requests(ctx context.Context, s *object.Scope, f ApprovalFilter, cursor string, limit int) (api.Page[*api.ApprovalRequest], error) {
	page := api.Page[*api.ApprovalRequest]{Items: []*api.ApprovalRequest{}}
	if err := s.Require(ctx, vocabulary.ApprovalRequestRead); err != nil {
		return page, err
	}
	if f.State != "" && !slices.Contains(api.ApprovalStates(), f.State) {
		return page, api.NewProblem(api.CodeMalformed, "state is %q; write one of %s.", f.State, strings.Join(api.ApprovalStates(), ", "))
	}
	if f.Mine && f.State == "" {
		f.State = api.ApprovalPending
	}
	before := "~" // after every id
	if cursor != "" {
		raw, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || len(raw) < 2 || raw[0] != 'a' || len(raw) > 100 {
			return page, api.NewProblem(api.CodeMalformed, "The cursor is not one that this server gave out; start again without it.")
		}
		before = string(raw[1:])
	}
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	for looked := 0; ; {
		found, err := readRequests(ctx, s, f.State, before, limit+1)
		if err != nil {
			return page, err
		}
		for _, q := range found {
			if len(page.Items) == limit || looked == maxLooked {
				page.NextCursor = base64.RawURLEncoding.EncodeToString([]byte("a" + before))
				return page, nil
			}
			before = q.id
			looked++
			if err := q.readDecisions(ctx, s); err != nil {
				return page, err
			}
			shown, err := q.showIf(ctx, s)
			if err != nil {
				return page, err
			}
			if shown == nil || f.State != "" && shown.State != f.State || f.Mine && !shown.MayDecide {
				continue
			}
			page.Items = append(page.Items, shown)
		}
		if len(found) <= limit {
			return page, nil
		}
	}
}

// readRequests reads requests with ids below one. What expires by the clock is stored
// as pending until it is written down.
func readRequests(ctx context.Context, s *object.Scope, state, before string, limit int) ([]*request, error) {
	text, args := requestColumns+` WHERE workspace_id = $1 AND id < $2`, []any{s.WorkspaceID, before}
	switch state {
	case "":
	case api.ApprovalExpired, api.ApprovalWithdrawn:
		args = append(args, state)
		text += ` AND state IN ('pending', $3)`
	default:
		args = append(args, state)
		text += ` AND state = $3`
	}
	args = append(args, limit)
	rows, err := s.Tx.QueryContext(ctx, text+fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args)), args...)
	if err != nil {
		return nil, fmt.Errorf("listing requests for approval: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []*request
	for rows.Next() {
		q, err := scanRequest(rows)
		if err != nil {
			return nil, fmt.Errorf("listing requests for approval: %w", err)
		}
		out = append(out, q)
	}
	return out, rows.Err()
}

// RequestByID answers one request that the caller may see.
func RequestByID(ctx context.Context, s *object.Scope, id string) (*api.ApprovalRequest, error) {
	if err := s.Require(ctx, vocabulary.ApprovalRequestRead); err != nil {
		return nil, err
	}
	q, err := loadRequest(ctx, s, id)
	if err != nil {
		return nil, err
	}
	shown, err := q.showIf(ctx, s)
	if err == nil && shown == nil {
		return nil, object.NotFound(approvalKind, id)
	}
	return shown, err
}

// visible: a request is for those who asked, who decide, and who administer.
func (e *evaluation) visible(ctx context.Context, s *object.Scope) (bool, error) {
	if e.request.requester == s.Caller.Principal() {
		return true, nil
	}
	if all, err := governs(ctx, s); all || err != nil {
		return all, err
	}
	return e.mayDecide(ctx, s, s.Caller.Principal())
}

// showIf is the request as the caller sees it, nil when they may not.
func (q *request) showIf(ctx context.Context, s *object.Scope) (*api.ApprovalRequest, error) {
	e, err := newEvaluation(ctx, s, q)
	if err != nil {
		return nil, err
	}
	if seen, err := e.visible(ctx, s); err != nil || !seen {
		return nil, err
	}
	return q.shown(ctx, s, e)
}

func (q *request) show(ctx context.Context, s *object.Scope) (*api.ApprovalRequest, error) {
	e, err := newEvaluation(ctx, s, q)
	if err != nil {
		return nil, err
	}
	return q.shown(ctx, s, e)
}

func (q *request) shown(ctx context.Context, s *object.Scope, e *evaluation) (*api.ApprovalRequest, error) {
	state, reason, err := q.standing(ctx, s)
	if err != nil {
		return nil, err
	}
	out := &api.ApprovalRequest{
		ID: q.id, State: state, Purpose: q.Purpose, Summary: q.Summary, Requester: q.requester, Outside: q.Outside, Resources: q.Paths,
		Proposed: q.proposed, Policy: e.policyNames(), Decisions: q.decisions, Reason: reason, CreatedAt: q.asked, ExpiresAt: q.expires, ClosedAt: q.closed,
	}
	if q.Kind != nil {
		out.Object = &api.ApprovalObject{Kind: q.Kind.Name, ID: q.objectID, Key: q.objectKey}
	}
	if state != api.ApprovalPending {
		if out.ClosedAt == nil {
			at := q.expires
			if q.state != api.ApprovalPending || state != api.ApprovalExpired {
				at = s.Now
			}
			out.ClosedAt = &at
		}
		return out, nil
	}
	for _, r := range e.rules {
		if r.auto {
			continue
		}
		for _, step := range r.steps {
			n, err := e.approvals(ctx, s, r, step, q.decisions)
			if err != nil {
				return nil, err
			}
			out.Steps = append(out.Steps, api.ApprovalStepState{Approvers: step.Approvers, MinApprovals: step.MinApprovals, Approvals: n, Problem: step.problem})
		}
	}
	out.MayDecide, err = e.mayDecide(ctx, s, s.Caller.Principal())
	return out, err
}

func ignoreMissing(err error) error {
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeNotFound {
		return nil
	}
	return err
}
