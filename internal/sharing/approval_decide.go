package sharing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Approvable is what a kind whose objects may wait for approval does with them.
type Approvable struct {
	// Waits reports whether the object waits.
	Waits func(api.Object) bool
	// Activate makes what was approved effective, by the policies of now: it refuses
	// what may no longer be shared, or no longer by whoever asked.
	Activate func(ctx context.Context, s *object.Scope, obj api.Object, by Approved) error
	// Remove ends an object that was denied, or waited too long.
	Remove func(ctx context.Context, s *object.Scope, obj api.Object, reason string) error
}

// Approved says whose wish was approved.
type Approved struct {
	Request   string
	Requester string
	Approver  string // who gave the last word
	Proposed  []byte
}

// How is the way in which the object of an approved request is written: it stays
// whose it was.
func (a Approved) How() object.How {
	return object.How{Keep: true, Verb: "approved", Effect: audit.EffectWidened, Reasons: []string{"approved by " + a.Approver + " (" + a.Request + ")"}}
}

var approvables = map[string]Approvable{}

// OnApproval tells what becomes of a kind's objects. Capabilities call it beside their
// rules. The purpose of requests without an object stands for a kind.
func OnApproval(name string, a Approvable) string {
	approvables[name] = a
	return name
}

// ApproveRequest notes the caller's approval, and makes the object effective when
// nothing is missing any more. Who approves twice has approved once.
func ApproveRequest(ctx context.Context, s *object.Scope, id, comment string) (*api.ApprovalRequest, error) {
	q, e, err := toDecide(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if err := q.note(ctx, s, api.ApprovalApproved, comment); err != nil {
		return nil, err
	}
	done, err := e.complete(ctx, s, q.decisions)
	if err != nil {
		return nil, err
	}
	if !done {
		if err := s.Record("approval_request.agreed", q.target(), audit.EffectNeutral, nil, q.told(), reasonsOf(comment)...); err != nil {
			return nil, err
		}
		return q.show(ctx, s)
	}
	obj, a, err := q.subject(ctx, s)
	if err != nil {
		return nil, err
	}
	if q.Kind != nil && obj == nil {
		return nil, api.NewProblem(api.CodeConflict, "What the request %s is about is gone; there is nothing to approve.", id)
	}
	if err := e.requesterStands(ctx, s); err != nil {
		return nil, err
	}
	if err := a.Activate(ctx, s, obj, Approved{Request: q.id, Requester: q.requester, Approver: s.Caller.Principal(), Proposed: q.proposed}); err != nil {
		return nil, stale(err)
	}
	if err := q.close(ctx, s, api.ApprovalApproved, comment); err != nil {
		return nil, err
	}
	return q.show(ctx, s)
}

// stale explains that what was asked is not possible any more.
func stale(err error) error {
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeInvalid {
		again := api.NewProblem(api.CodeConflict, "It cannot be approved as things are now. Deny the request, or change what stands in the way first.")
		again.Errors = p.Errors
		return again
	}
	return err
}

// requesterStands refuses what nobody stands for any more.
func (e *evaluation) requesterStands(ctx context.Context, s *object.Scope) error {
	kind, _, _ := api.SplitPrincipal(e.request.requester)
	if kind != object.PrincipalMember && kind != object.PrincipalServiceAccount {
		return nil
	}
	who, err := s.Subject(ctx, e.request.requester)
	if err != nil || who.Active {
		return err
	}
	return api.NewProblem(api.CodeConflict, "%s, who asked, is suspended meanwhile. Deny the request; somebody else can share it in their own name.", e.request.requester)
}

// DenyRequest ends a request and what waits with it. One word is enough.
func DenyRequest(ctx context.Context, s *object.Scope, id, comment string) (*api.ApprovalRequest, error) {
	q, _, err := toDecide(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if err := q.note(ctx, s, api.ApprovalDenied, comment); err != nil {
		return nil, err
	}
	if err := q.remove(ctx, s, "denied by "+s.Caller.Principal()); err != nil {
		return nil, err
	}
	if err := q.close(ctx, s, api.ApprovalDenied, comment); err != nil {
		return nil, err
	}
	return q.show(ctx, s)
}

// WithdrawRequest is for whoever asked, and for owner and admins.
func WithdrawRequest(ctx context.Context, s *object.Scope, id, comment string) (*api.ApprovalRequest, error) {
	q, _, err := toClose(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if all, err := governs(ctx, s); err != nil || !all && q.requester != s.Caller.Principal() {
		return nil, errors.Join(err, forbidIf(err == nil, "Only %s, who asked, and owner and admins may withdraw the request.", q.requester))
	}
	if err := q.remove(ctx, s, "withdrawn by "+s.Caller.Principal()); err != nil {
		return nil, err
	}
	if err := q.close(ctx, s, api.ApprovalWithdrawn, comment); err != nil {
		return nil, err
	}
	return q.show(ctx, s)
}

func forbidIf(yes bool, format string, args ...any) error {
	if !yes {
		return nil
	}
	return api.NewProblem(api.CodeForbidden, format, args...)
}

// toClose reads an open request that the caller may see, under the workspace's lock:
// of two replicas that close it at once the second finds it closed.
func toClose(ctx context.Context, s *object.Scope, id string) (*request, *evaluation, error) {
	if err := s.Require(ctx, vocabulary.ApprovalRequestWrite); err != nil {
		return nil, nil, err
	}
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, nil, err
	}
	q, err := loadRequest(ctx, s, id)
	if err != nil {
		return nil, nil, err
	}
	e, err := newEvaluation(ctx, s, q)
	if err != nil {
		return nil, nil, err
	}
	seen, err := e.visible(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if !seen {
		return nil, nil, object.NotFound(approvalKind, id)
	}
	state, _, err := q.standing(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	if state != api.ApprovalPending {
		return nil, nil, closedAlready(id, state)
	}
	return q, e, nil
}

func toDecide(ctx context.Context, s *object.Scope, id string) (*request, *evaluation, error) {
	q, e, err := toClose(ctx, s, id)
	if err != nil {
		return nil, nil, err
	}
	if q.requester == s.Caller.Principal() {
		return nil, nil, api.NewProblem(api.CodeForbidden, "You asked for this yourself, so others decide. Whoever asks may withdraw the request.")
	}
	ok, err := e.mayDecide(ctx, s, s.Caller.Principal())
	if err != nil {
		return nil, nil, err
	}
	if !ok {
		var who []string
		for _, r := range e.rules {
			for _, step := range r.steps {
				who = append(who, step.Approvers...)
			}
		}
		slices.Sort(who)
		return nil, nil, api.NewProblem(api.CodeForbidden, "You are not among those who decide this: %v do.", slices.Compact(who))
	}
	return q, e, nil
}

// note keeps what the caller says; who speaks again is taken at the new word.
func (q *request) note(ctx context.Context, s *object.Scope, verdict, comment string) error {
	if _, err := s.Tx.ExecContext(ctx, `INSERT INTO approval_decision (workspace_id, request_id, approver, verdict, comment, decided_at) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (workspace_id, request_id, approver) DO UPDATE SET verdict = excluded.verdict, comment = excluded.comment, decided_at = excluded.decided_at`,
		s.WorkspaceID, q.id, s.Caller.Principal(), verdict, comment, s.Now.UnixMicro()); err != nil {
		return fmt.Errorf("noting a decision: %w", err)
	}
	return q.readDecisions(ctx, s)
}

// subject is the object that waits, nil when it does not any more, and what its kind
// does with it.
func (q *request) subject(ctx context.Context, s *object.Scope) (api.Object, Approvable, error) {
	name := q.Purpose
	if q.Kind != nil {
		name = q.Kind.Name
	}
	a, ok := approvables[name]
	if !ok {
		return nil, a, fmt.Errorf("sharing: nothing is known of approving %q", name)
	}
	if q.Kind == nil {
		return nil, a, nil
	}
	obj, err := s.Get(ctx, q.Kind, q.objectID)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeNotFound {
		return nil, a, nil
	}
	if err != nil || !a.Waits(obj) {
		return nil, a, err
	}
	return obj, a, nil
}

// remove ends what waits, if it is still there.
func (q *request) remove(ctx context.Context, s *object.Scope, reason string) error {
	obj, a, err := q.subject(ctx, s)
	if err != nil || obj == nil {
		return err
	}
	return a.Remove(ctx, s, obj, reason)
}

// standing is the state of a request by the clock, and by whether what it is about is
// still there. What closes by itself is written down by ExpireRequests, later.
func (q *request) standing(ctx context.Context, s *object.Scope) (state, reason string, err error) {
	if q.state != api.ApprovalPending {
		return q.state, q.reason, nil
	}
	if !s.Now.Before(q.expires) {
		return api.ApprovalExpired, "nobody decided in time", nil
	}
	if q.Kind == nil {
		return q.state, "", nil
	}
	obj, _, err := q.subject(ctx, s)
	if err == nil && obj == nil {
		return api.ApprovalWithdrawn, "what it was about is gone", nil
	}
	return q.state, "", err
}

func reasonsOf(comment string) []string {
	if comment == "" {
		return nil
	}
	return []string{comment}
}
