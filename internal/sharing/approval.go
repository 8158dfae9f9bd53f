package sharing

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Purposes of requests for approval.
const (
	PurposeShare      = "external_share"
	PurposeInvitation = "invitation"
	PurposePromotion  = "promotion"
)

// Ask is what somebody wants to give to people outside.
type Ask struct {
	Purpose string
	// Summary says it in a sentence, for those who decide.
	Summary string
	Kind    *api.Kind // of the object that waits
	Paths   []string  // items that are shared; none for the workspace itself
	Outside []string  // who receives access
	// Always asks although the sharing policy requires no approval.
	Always bool
}

// wait is how long a request that no approval policy bounds may wait.
const wait = 14 * api.Day

// StateFor says whether what is asked is effective at once or waits for approval
// (C055). Without an approval policy an admin approves, and what an admin shares is
// approved by that. With one, its steps decide, for admins too.
func StateFor(ctx context.Context, s *object.Scope, a Ask) (string, error) {
	if s.Caller.Kind == object.PrincipalSystem {
		return api.StateActive, nil // follows from something that was decided
	}
	e, err := newEvaluation(ctx, s, &request{Ask: a, requester: s.Caller.Principal(), asked: s.Now, ip: s.Caller.IP, token: s.Caller.TokenID})
	if err != nil {
		return "", err
	}
	done, err := e.complete(ctx, s, nil)
	if err != nil || done {
		return api.StateActive, err
	}
	return api.StatePendingApproval, nil
}

// needsApproval reports whether sharing the item at a path with people outside waits
// for approval, and which approval policy is asked ("" for an admin).
func needsApproval(ctx context.Context, s *object.Scope, path string, outside []string) (bool, string, error) {
	policy, err := PolicyAt(ctx, s, path)
	if err != nil {
		return false, "", err
	}
	state, err := StateFor(ctx, s, Ask{Purpose: PurposeShare, Paths: []string{path}, Outside: outside})
	return state == api.StatePendingApproval, policy.ApprovalPolicy, err
}

// CheckApprovable is the violation of asking for what nobody could approve, as far as
// that is known: people who are named and cannot, or the one who asks.
func CheckApprovable(ctx context.Context, s *object.Scope, a Ask, at string) ([]api.Violation, error) {
	if s.Caller.Kind == object.PrincipalSystem {
		return nil, nil
	}
	e, err := newEvaluation(ctx, s, &request{Ask: a, requester: s.Caller.Principal(), asked: s.Now, ip: s.Caller.IP, token: s.Caller.TokenID})
	if err != nil {
		return nil, err
	}
	for _, r := range e.rules {
		for _, step := range r.steps {
			able, known, err := e.able(ctx, s, r, step)
			if err != nil {
				return nil, err
			}
			if known && able < step.MinApprovals && !r.auto {
				return []api.Violation{{Path: at, Code: api.ViolationSharingPolicy, Message: fmt.Sprintf(
					"needs approval by the approval policy %q, and nobody could give it: %d of %s must approve, and of them %d can (who asks does not approve); name more approvers there", r.policy.Name, step.MinApprovals, strings.Join(step.Approvers, ", "), able)}}, nil
			}
		}
	}
	return nil, nil
}

// able counts who can approve a step, where all who may are named by themselves.
func (e *evaluation) able(ctx context.Context, s *object.Scope, r *rule, step *step) (able int64, known bool, err error) {
	seen := map[string]bool{}
	for _, a := range step.Approvers {
		kind, _, _ := api.SplitPrincipal(a)
		switch {
		case a == "role:owner":
			var email string
			if err := s.Tx.QueryRowContext(ctx, `SELECT key FROM member WHERE workspace_id = $1 AND role = 'owner'`, s.WorkspaceID).Scan(&email); err != nil {
				return 0, false, fmt.Errorf("reading the Owner: %w", err)
			}
			a = "member:" + email
		case kind != object.PrincipalMember && kind != object.PrincipalServiceAccount:
			return 0, false, nil
		}
		if seen[a] || a == e.request.requester && !r.own() {
			continue
		}
		seen[a] = true
		ok, err := e.eligible(ctx, s, a, step)
		if err != nil {
			return 0, false, err
		}
		if ok {
			able++
		}
	}
	return able, true, nil
}

// evaluation is what a request needs, by the policies as they are now.
type evaluation struct {
	request *request
	rules   []*rule
}

// rule is what one approval policy wants, or an admin's word where there is none.
type rule struct {
	policy *api.ApprovalPolicy // nil for an admin's word
	paths  []string
	auto   bool
	steps  []*step
}

type step struct {
	api.ApprovalStep
	problem string // why it is needed although its condition cannot be evaluated
}

// own reports whether the word of whoever asks counts.
func (r *rule) own() bool { return r.policy != nil && !r.policy.RequesterCannotApprove }

// anAdmin is asked where no policy says otherwise.
var anAdmin = api.ApprovalStep{Approvers: []string{"role:admin"}, MinApprovals: 1}

// newEvaluation reads the policies at the places that are shared, and which of their
// steps the request needs.
func newEvaluation(ctx context.Context, s *object.Scope, q *request) (*evaluation, error) {
	e := &evaluation{request: q}
	named := map[string]*rule{}
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return nil, err
	}
	for _, path := range q.places(sharing) {
		policy := sharing.At(path)
		r := named[policy.ApprovalPolicy]
		if r == nil {
			r = &rule{}
			if policy.ApprovalPolicy != "" {
				if r.policy, err = object.Find[*api.ApprovalPolicy](ctx, s, api.ApprovalPolicyKind, strings.ToLower(policy.ApprovalPolicy)); err != nil {
					return nil, err
				}
			}
			named[policy.ApprovalPolicy] = r
			e.rules = append(e.rules, r)
		}
		r.paths = append(r.paths, path)
	}
	for _, r := range e.rules {
		if err := e.need(ctx, s, r); err != nil {
			return nil, err
		}
	}
	return e, nil
}

// places are where approval is needed: of the items that are shared, and of those
// below them with a policy of their own, because what is shared above reaches them.
func (q *request) places(sharing *object.Sharing) []string {
	shared := q.Paths
	if len(shared) == 0 {
		shared = []string{vocabulary.RootPath}
	}
	out := needing(sharing, shared)
	if len(out) == 0 && q.Always {
		return shared
	}
	return out
}

// needing are the places at and below some paths where sharing outside needs approval.
func needing(sharing *object.Sharing, paths []string) []string {
	var out []string
	for _, path := range paths {
		for _, at := range append(sharing.Below(path), path) {
			if sharing.At(at).RequireExternalApproval {
				out = append(out, at)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// need finds the steps of a rule. A condition that cannot be evaluated opens nothing:
// it makes a step needed, and approves nothing by itself.
func (e *evaluation) need(ctx context.Context, s *object.Scope, r *rule) error {
	if r.policy == nil {
		r.steps = []*step{{ApprovalStep: anAdmin}}
		return nil
	}
	who, err := s.Subject(ctx, e.request.requester)
	if err != nil {
		return err
	}
	rc := e.request.context()
	items := make([]*access.Item, len(r.paths))
	for i, path := range r.paths {
		if path == vocabulary.RootPath {
			continue
		}
		if items[i], err = s.Item(ctx, path); err != nil {
			return err
		}
	}
	if text := r.policy.AutoApproveWhen; text != "" {
		r.auto = !slices.ContainsFunc(items, func(i *access.Item) bool {
			ok, err := s.Engine().Holds(text, who, i, rc)
			return err != nil || !ok
		})
	}
	for _, declared := range r.policy.Steps {
		needed, problem := declared.When == "", ""
		for _, i := range items {
			if needed {
				break
			}
			ok, err := s.Engine().Holds(declared.When, who, i, rc)
			if needed = ok || err != nil; err != nil {
				problem = "its condition cannot be evaluated: " + err.Error()
			}
		}
		if needed {
			r.steps = append(r.steps, &step{declared, problem})
		}
	}
	if len(r.steps) == 0 {
		r.steps = []*step{{ApprovalStep: anAdmin}}
	}
	return nil
}

// complete reports whether nothing is missing any more.
func (e *evaluation) complete(ctx context.Context, s *object.Scope, decisions []api.ApprovalDecision) (bool, error) {
	for _, r := range e.rules {
		if r.auto {
			continue
		}
		if r.policy == nil && decisions == nil {
			// An admin who shares has approved by that.
			who, err := s.Subject(ctx, e.request.requester)
			if err != nil {
				return false, err
			}
			if who.Role.Governs() && who.Active {
				continue
			}
		}
		for _, step := range r.steps {
			n, err := e.approvals(ctx, s, r, step, decisions)
			if err != nil || n < step.MinApprovals {
				return false, err
			}
		}
	}
	return true, nil
}

// approvals counts the approvals of a step that count now: those of people who may
// still give them. Where whoever asks may approve, asking is approving.
func (e *evaluation) approvals(ctx context.Context, s *object.Scope, r *rule, step *step, decisions []api.ApprovalDecision) (int64, error) {
	said := map[string]bool{e.request.requester: r.own()}
	for _, d := range decisions {
		if d.Approver != e.request.requester {
			said[d.Approver] = d.Verdict == api.ApprovalApproved
		}
	}
	var n int64
	for who, yes := range said {
		if !yes {
			continue
		}
		ok, err := e.eligible(ctx, s, who, step)
		if err != nil {
			return 0, err
		}
		if ok {
			n++
		}
	}
	return n, nil
}

// mayDecide reports whether somebody's word would count. Whoever asks decides nothing
// later: where their own word counts, it was counted when they asked.
func (e *evaluation) mayDecide(ctx context.Context, s *object.Scope, principal string) (bool, error) {
	if principal == e.request.requester {
		return false, nil
	}
	for _, r := range e.rules {
		for _, step := range r.steps {
			ok, err := e.eligible(ctx, s, principal, step)
			if err != nil || ok {
				return ok, err
			}
		}
	}
	return false, nil
}

// eligible reports whether a principal is among the approvers of a step, as things
// are now. Guests approve nothing, and service accounts only where they are named:
// a pipeline that shares must not agree with itself through another role.
func (e *evaluation) eligible(ctx context.Context, s *object.Scope, principal string, step *step) (bool, error) {
	kind, key, _ := api.SplitPrincipal(principal)
	if kind != object.PrincipalMember && kind != object.PrincipalServiceAccount {
		return false, nil
	}
	who, err := s.Subject(ctx, principal)
	if err != nil || !who.Active || who.External {
		return false, err
	}
	for _, a := range step.Approvers {
		if a == principal {
			return true, nil
		}
		if kind == object.PrincipalServiceAccount {
			continue
		}
		of, name, _ := api.SplitPrincipal(a)
		switch of {
		case "role":
			if e.holdsRole(s, who, name) {
				return true, nil
			}
		case "team":
			if _, ok := who.Teams[name]; ok {
				return true, nil
			}
		case "group":
			people, err := receivers(ctx, s, a)
			if err != nil {
				return false, err
			}
			if slices.Contains(people, "member:"+key) {
				return true, nil
			}
		}
	}
	return false, nil
}

// holdsRole: workspace roles include those above them; a custom role counts where it
// is held on the whole workspace, or on every item that is shared.
func (e *evaluation) holdsRole(s *object.Scope, who *access.Subject, name string) bool {
	if role := vocabulary.Role(name); role.Internal() {
		return who.Role.Authority() >= role.Authority()
	}
	covers := func(path string) bool {
		return slices.ContainsFunc(who.Assignments, func(a access.Assignment) bool {
			live := a.ExpiresAt.IsZero() || a.ExpiresAt.After(s.Now)
			above := a.Scope == vocabulary.RootPath || a.Scope == path || strings.HasPrefix(path, a.Scope+"/")
			return live && a.Condition == "" && strings.EqualFold(a.Role, name) && above
		})
	}
	if len(e.request.Paths) == 0 {
		return covers(vocabulary.RootPath)
	}
	return !slices.ContainsFunc(e.request.Paths, func(path string) bool { return !covers(path) })
}

// patience is how long the request may wait: the shortest that a policy says.
func (e *evaluation) patience() time.Duration {
	out := time.Duration(0)
	for _, r := range e.rules {
		if r.policy == nil {
			continue
		}
		if d, err := api.ParseDuration(r.policy.ExpiresAfter); err == nil && (out == 0 || d < out) {
			out = d
		}
	}
	if out == 0 {
		return wait
	}
	return out
}

func (e *evaluation) policyNames() string {
	var names []string
	for _, r := range e.rules {
		if r.policy != nil {
			names = append(names, r.policy.Name)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// context is the request of whoever asked, as far as it is remembered.
func (q *request) context() *access.RequestContext {
	rc := &access.RequestContext{Time: q.asked, TokenID: q.token}
	rc.IP, _ = netip.ParseAddr(q.ip)
	if q.token != "" {
		rc.Authenticator = "token"
	}
	return rc
}
