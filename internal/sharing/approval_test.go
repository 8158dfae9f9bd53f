package sharing_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const outsider = "xenia@partner.example"

// open sets a sharing policy under which outsiders may receive shares, with approval.
func (w *world) open(more doc) {
	w.t.Helper()
	d := doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}, "guest_invitations": "anyone"}
	for k, v := range more {
		d[k] = v
	}
	w.Put(w.t, w.Owner, api.SharingPolicyKind, "", d)
}

// manager lets a member manage an item.
func (w *world) manager(email, path string) *object.Caller {
	w.t.Helper()
	w.grant("member:"+email, path, "manage")
	return w.as(email)
}

func (w *world) share(by *object.Caller, path, level string) *api.AccessGrant {
	w.t.Helper()
	return w.Create(w.t, by, api.AccessGrantKind, doc{"resource": path, "principal": "email:" + outsider, "level": level}).(*api.AccessGrant)
}

func (w *world) requests(by *object.Caller, f sharing.ApprovalFilter) []*api.ApprovalRequest {
	w.t.Helper()
	var out []*api.ApprovalRequest
	if err := w.Service.View(context.Background(), by, func(s *object.Scope) error {
		page, err := sharing.Requests(context.Background(), s, f, "", 0)
		out = page.Items
		return err
	}); err != nil {
		w.t.Fatalf("listing requests: %v", err)
	}
	return out
}

// pending is the one open request that the owner sees.
func (w *world) pending() *api.ApprovalRequest {
	w.t.Helper()
	all := w.requests(w.Owner, sharing.ApprovalFilter{State: api.ApprovalPending})
	if len(all) != 1 {
		w.t.Fatalf("%d open requests, want one", len(all))
	}
	return all[0]
}

type verdict func(context.Context, *object.Scope, string, string) (*api.ApprovalRequest, error)

func (w *world) say(by *object.Caller, f verdict, id string) (*api.ApprovalRequest, error) {
	var out *api.ApprovalRequest
	err := w.Service.Do(context.Background(), by, func(s *object.Scope) (err error) {
		out, err = f(context.Background(), s, id, "because")
		return err
	})
	return out, err
}

func (w *world) mustSay(by *object.Caller, f verdict, id string) *api.ApprovalRequest {
	w.t.Helper()
	q, err := w.say(by, f, id)
	if err != nil {
		w.t.Fatalf("deciding %s: %v", id, err)
	}
	return q
}

func (w *world) actions(kind string) string {
	var out []string
	for _, e := range w.Events(w.t, audit.Filter{TargetKind: kind}) {
		out = append(out, e.Action[strings.LastIndexByte(e.Action, '.')+1:])
	}
	return strings.Join(out, " ")
}

func TestExternalShareGivesNothingUntilAnAdminApproves(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		nils := w.manager(nobody, "/finance")
		g := w.share(nils, "/finance", "comment")
		if g.State != api.StatePendingApproval {
			t.Fatalf("state = %q, want pending_approval", g.State)
		}
		w.wantLevel("email:"+outsider, "/finance", "none")
		q := w.pending()
		if q.Requester != "member:"+nobody || q.Object.ID != g.ID || !q.MayDecide || len(q.Steps) != 1 || q.Resources[0] != "/finance" || q.Outside[0] != outsider {
			t.Errorf("request = %+v", q)
		}
		if mine := w.requests(nils, sharing.ApprovalFilter{Mine: true}); len(mine) != 0 {
			t.Errorf("the requester may decide %d requests", len(mine))
		}
		if seen := w.requests(w.as(designer), sharing.ApprovalFilter{}); len(seen) != 0 {
			t.Errorf("somebody who neither asked nor decides sees %d requests", len(seen))
		}
		_, err := w.say(nils, sharing.ApproveRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		_, err = w.say(w.as(designer), sharing.ApproveRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeNotFound)

		done := w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
		if done.State != api.ApprovalApproved || len(done.Decisions) != 1 {
			t.Errorf("answer = %+v", done)
		}
		w.wantLevel("email:"+outsider, "/finance", "comment")
		if g := w.Get(t, w.Admin, api.AccessGrantKind, g.ID).(*api.AccessGrant); g.State != api.StateActive || g.ManagedBy.Kind != api.ManagedByManual {
			t.Errorf("grant = %+v", g)
		}
		_, err = w.say(w.Owner, sharing.DenyRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeConflict)
		if got := w.actions("approval_request"); got != "created approved" {
			t.Errorf("events = %q", got)
		}
	})
}

func TestAnAdminsOwnShareNeedsNobodyElseWithoutAPolicy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		if g := w.share(w.Admin, "/finance", "view"); g.State != api.StateActive {
			t.Errorf("state = %q", g.State)
		}
		w.wantLevel("email:"+outsider, "/finance", "view")
	})
}

func TestDeniedAndForgottenSharesAreRemoved(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		nils := w.manager(nobody, "/finance")
		g := w.share(nils, "/finance", "comment")
		w.mustSay(w.Admin, sharing.DenyRequest, w.pending().ID)
		_, err := w.Service.Get(context.Background(), w.Owner, api.AccessGrantKind, g.ID)
		objecttest.WantProblem(t, err, api.CodeNotFound)

		w.share(nils, "/finance", "comment")
		q := w.pending()
		w.mustSay(nils, sharing.WithdrawRequest, q.ID)
		if keys := w.keys(w.Owner, api.AccessGrantKind); len(keys) != 1 {
			t.Errorf("grants = %v, want the manager's alone", keys)
		}

		w.share(nils, "/finance", "view")
		q = w.pending()
		if n, err := sharing.ExpireRequests(context.Background(), w.Service); n != 0 || err != nil {
			t.Errorf("ExpireRequests() = %d, %v before the time", n, err)
		}
		w.Advance(15 * 24 * time.Hour)
		if got := w.requests(w.Owner, sharing.ApprovalFilter{State: api.ApprovalExpired}); len(got) != 1 || got[0].ID != q.ID {
			t.Errorf("expired by the clock = %v", got)
		}
		_, err = w.say(w.Admin, sharing.ApproveRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeConflict)
		if n, err := sharing.ExpireRequests(context.Background(), w.Service); n != 1 || err != nil {
			t.Errorf("ExpireRequests() = %d, %v", n, err)
		}
		if keys := w.keys(w.Owner, api.AccessGrantKind); len(keys) != 1 {
			t.Errorf("grants = %v, want the manager's alone", keys)
		}
		if got := w.actions("approval_request"); got != "created denied created withdrawn created expired" {
			t.Errorf("events = %q", got)
		}
		w.Advance(500 * 24 * time.Hour)
		if _, err := sharing.ExpireRequests(context.Background(), w.Service); err != nil {
			t.Error(err)
		}
		if got := w.requests(w.Owner, sharing.ApprovalFilter{}); len(got) != 0 {
			t.Errorf("%d requests of long ago are kept", len(got))
		}
	})
}

func TestRequestFollowsWhatItIsAbout(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		nils := w.manager(nobody, "/finance")
		g := w.share(nils, "/finance", "view")
		first := w.pending().ID
		// A justification changes nothing that was asked for.
		w.Put(t, nils, api.AccessGrantKind, g.ID, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "view", "justification": "the audit"})
		if w.pending().ID != first {
			t.Error("a change that gives no more made a new request")
		}
		wider := w.Put(t, nils, api.AccessGrantKind, g.ID, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "comment"}).(*api.AccessGrant)
		if wider.State != api.StatePendingApproval || w.pending().ID == first {
			t.Error("what was asked for has changed, and the request has not")
		}
		w.Delete(t, nils, api.AccessGrantKind, g.ID)
		if got := w.requests(w.Owner, sharing.ApprovalFilter{State: api.ApprovalPending}); len(got) != 0 {
			t.Errorf("%d requests are open about a share that is gone", len(got))
		}

		g = w.share(nils, "/finance", "view")
		w.mustSay(w.Admin, sharing.ApproveRequest, w.pending().ID)
		_, err := w.TryPut(t, nils, api.AccessGrantKind, g.ID, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "comment"})
		wantWords(t, objecttest.WantViolation(t, err, "/principal").Message, "needs approval", "-replace")
		w.wantLevel("email:"+outsider, "/finance", "view")
		w.Put(t, w.Admin, api.AccessGrantKind, g.ID, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "comment"})
		w.wantLevel("email:"+outsider, "/finance", "comment")
	})
}

func (w *world) approvalPolicy(more doc) {
	w.t.Helper()
	d := doc{"name": "legal", "steps": []doc{{"approvers": []string{"role:admin"}}}}
	for k, v := range more {
		d[k] = v
	}
	w.Put(w.t, w.Owner, api.ApprovalPolicyKind, "legal", d)
	w.open(doc{"approval_policy": "legal"})
}

func TestNamedPolicyBindsAdminsToo(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(nil)
		if g := w.share(w.Admin, "/finance", "view"); g.State != api.StatePendingApproval {
			t.Fatalf("state = %q", g.State)
		}
		q := w.pending()
		if q.Policy != "legal" {
			t.Errorf("policy = %q", q.Policy)
		}
		// Another credential of the same person is the same person.
		again := *w.Admin
		again.TokenID = "tok_other"
		_, err := w.say(&again, sharing.ApproveRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		w.mustSay(w.Owner, sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "view")

		w.approvalPolicy(doc{"requester_cannot_approve": false})
		if g := w.Create(t, w.Admin, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "email:" + outsider, "level": "view"}).(*api.AccessGrant); g.State != api.StateActive {
			t.Errorf("state of a share by somebody who may approve it alone = %q", g.State)
		}
	})
}

func TestStepsAreNeededAsTheirConditionsSay(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.TeamMembershipKind, doc{"team": "film", "principal": objecttest.MemberEmail, "role": "viewer"})
		w.approvalPolicy(doc{
			"steps": []doc{
				{"approvers": []string{"role:admin"}},
				{"approvers": []string{"team:film", "member:" + designer}, "min_approvals": 2, "when": `resource in Item::"/finance"`},
			},
			"auto_approve_when": `resource in Item::"/campaigns/spring"`,
		})
		nils := w.manager(nobody, "/finance")
		w.grant("member:"+nobody, "/campaigns", "manage")
		if g := w.share(nils, "/campaigns/spring", "view"); g.State != api.StateActive {
			t.Errorf("state of what is approved by itself = %q", g.State)
		}
		w.share(nils, "/campaigns", "view")
		w.mustSay(w.Admin, sharing.ApproveRequest, w.pending().ID)

		w.share(nils, "/finance", "view")
		q := w.pending()
		if len(q.Steps) != 2 {
			t.Fatalf("steps = %+v", q.Steps)
		}
		w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
		w.mustSay(w.Admin, sharing.ApproveRequest, q.ID) // twice is once
		w.mustSay(w.Member, sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "none")
		if q := w.pending(); q.Steps[0].Approvals != 1 || q.Steps[1].Approvals != 1 {
			t.Errorf("steps = %+v", q.Steps)
		}
		w.mustSay(w.as(designer), sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "view")
	})
}

// What cannot be evaluated asks for more, never for less.
func TestConditionThatErrsMakesAStepNeededAndApprovesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		// It passes the checker and overflows when it is evaluated.
		broken := `9223372036854775807 + context.mfa_age + 2 > 0`
		w.approvalPolicy(doc{"steps": []doc{{"approvers": []string{"role:owner"}, "when": broken}}, "auto_approve_when": broken})
		if g := w.share(w.Admin, "/finance", "view"); g.State != api.StatePendingApproval {
			t.Fatalf("state = %q", g.State)
		}
		q := w.pending()
		if len(q.Steps) != 1 || q.Steps[0].Problem == "" || q.Steps[0].Approvers[0] != "role:owner" {
			t.Errorf("steps = %+v", q.Steps)
		}
	})
}

func TestWordsOfThoseWhoLeftDoNotCount(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(doc{"steps": []doc{{"approvers": []string{"member:" + objecttest.AdminEmail, "member:" + objecttest.MemberEmail, "role:owner"}, "min_approvals": 2}}})
		nils := w.manager(nobody, "/finance")
		w.share(nils, "/finance", "view")
		q := w.pending()
		w.mustSay(w.Member, sharing.ApproveRequest, q.ID)
		w.Delete(t, w.Owner, api.MemberKind, objecttest.MemberEmail)
		w.mustSay(w.Admin, sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "none")
		w.mustSay(w.Owner, sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "view")
	})
}

func TestApprovalChecksAgainWhatHasChanged(t *testing.T) {
	cases := []struct {
		name   string
		change func(w *world)
		says   string
	}{
		{"the policy shut the domain out", func(w *world) { w.open(doc{"allowed_domains": []string{"other.example"}}) }, "allowed_domains"},
		{"whoever asked has left", func(w *world) { w.Delete(w.t, w.Owner, api.MemberKind, nobody) }, "suspended"},
		{"whoever asked may not give it any more", func(w *world) {
			w.Delete(w.t, w.Owner, api.AccessGrantKind, "member:"+nobody+"@/finance")
		}, "may not give this"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			each(t, func(t *testing.T, w *world) {
				w.open(nil)
				w.share(w.manager(nobody, "/finance"), "/finance", "comment")
				id := w.pending().ID
				c.change(w)
				_, err := w.say(w.Admin, sharing.ApproveRequest, id)
				p := objecttest.WantProblem(t, err, api.CodeConflict)
				wantWords(t, p.Error(), c.says)
				w.wantLevel("email:"+outsider, "/finance", "none")
				w.mustSay(w.Admin, sharing.DenyRequest, id)
			})
		})
	}
}

// Two replicas that decide at the same moment make one decision.
func TestTwoApprovalsAtOnceMakeItEffectiveOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		w.share(w.manager(nobody, "/finance"), "/finance", "comment")
		id := w.pending().ID
		failures := make(chan error, 2)
		for _, by := range []*object.Caller{w.Admin, w.Owner} {
			go func() {
				_, err := w.say(by, sharing.ApproveRequest, id)
				failures <- err
			}()
		}
		refused := 0
		for range 2 {
			if err := <-failures; err != nil {
				objecttest.WantProblem(t, err, api.CodeConflict)
				refused++
			}
		}
		if refused != 1 {
			t.Errorf("%d of two were refused, want one", refused)
		}
		if got := w.actions("approval_request"); got != "created approved" {
			t.Errorf("events = %q", got)
		}
		w.wantLevel("email:"+outsider, "/finance", "comment")
	})
}

func TestAuthoritativeGrantsWaitOneByOne(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		nils := w.manager(nobody, "/finance")
		all := doc{"resource": "/finance", "grants": doc{"member:" + nobody: "manage", "email:" + outsider: "view", "team:film": "view"}}
		set := w.Put(t, nils, api.AccessGrantsKind, "", all).(*api.AccessGrants)
		if len(set.Grants) != 3 || len(set.PendingApproval) != 1 || set.PendingApproval[0] != "email:"+outsider {
			t.Errorf("set = %+v", set)
		}
		w.wantLevel("email:"+outsider, "/finance", "none")
		w.mustSay(w.Admin, sharing.ApproveRequest, w.pending().ID)
		w.wantLevel("email:"+outsider, "/finance", "view")
		set = w.Get(t, w.Admin, api.AccessGrantsKind, "/finance").(*api.AccessGrants)
		if len(set.PendingApproval) != 0 {
			t.Errorf("set = %+v", set)
		}
		delete(all["grants"].(doc), "email:"+outsider)
		w.Put(t, nils, api.AccessGrantsKind, "", all)
		w.wantLevel("email:"+outsider, "/finance", "none")
	})
}

func TestApprovalPoliciesThatCannotWorkAreRefusedAtTheirAttribute(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		with := func(step doc, more doc) doc {
			d := doc{"name": "legal", "steps": []doc{step}}
			for k, v := range more {
				d[k] = v
			}
			return d
		}
		w.AddMember(t, w.Owner, "sid@example.com", "member")
		w.Delete(t, w.Owner, api.MemberKind, "sid@example.com")
		w.wantRefused([]refusal{
			{name: "nobody of that name", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"member:none@example.com"}}, nil), at: "/steps/0/approvers/0", code: api.ViolationReference},
			{name: "no such team", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"team:law"}}, nil), at: "/steps/0/approvers/0", code: api.ViolationReference},
			{name: "no such role", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:lawyer"}}, nil), at: "/steps/0/approvers/0"},
			{name: "a level", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:manager"}}, nil), at: "/steps/0/approvers/0", says: []string{"role:admin"}},
			{name: "a guest", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"member:" + guest}}, nil), at: "/steps/0/approvers/0", says: []string{"guest"}},
			{name: "suspended", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"member:sid@example.com"}}, nil), at: "/steps/0/approvers/0", says: []string{"suspended"}},
			{name: "somebody outside", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"email:x@partner.example"}}, nil), at: "/steps/0/approvers/0"},
			{name: "more than there are", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:owner", "member:" + designer}, "min_approvals": 3}, nil), at: "/steps/0/min_approvals", says: []string{"only 2"}},
			{name: "a condition that is none", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:admin"}, "when": "resource.nothing == 1"}, nil), at: "/steps/0/when", says: []string{"nothing"}},
			{name: "approving by nonsense", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:admin"}}, doc{"auto_approve_when": "1 +"}), at: "/auto_approve_when", says: []string{"line 1"}},
			{name: "too short", kind: api.ApprovalPolicyKind, doc: with(doc{"approvers": []string{"role:admin"}}, doc{"expires_after": "5m"}), at: "/expires_after"},
		})
		w.approvalPolicy(nil)
		w.open(doc{"approval_policy": "Legal"})
		err := w.remove(w.Owner, api.ApprovalPolicyKind, "legal")
		wantWords(t, objecttest.WantProblem(t, err, api.CodeReferenced).Detail, "sharing policy")
		w.open(nil)
		if err := w.remove(w.Owner, api.ApprovalPolicyKind, "legal"); err != nil {
			t.Error(err)
		}
	})
}

// What nobody could approve is refused when it is asked, where that is known.
func TestShareThatNobodyCouldApproveIsRefused(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(doc{"steps": []doc{{"approvers": []string{"role:owner"}}}})
		_, err := w.TryCreate(t, w.Owner, api.AccessGrantKind, doc{"resource": "/finance", "principal": "email:" + outsider, "level": "view"})
		wantWords(t, objecttest.WantViolation(t, err, "/principal").Message, "nobody could give it")
		if g := w.share(w.Admin, "/finance", "view"); g.State != api.StatePendingApproval {
			t.Errorf("state = %q", g.State)
		}
	})
}

// A service account approves only where it is named itself.
func TestPipelineDoesNotAgreeWithItself(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "ci", "owner": objecttest.AdminEmail, "workspace_role": "admin"})
		w.Create(t, w.Owner, api.ServiceAccountKind, doc{"name": "bot", "owner": objecttest.AdminEmail, "workspace_role": "admin"})
		machine := func(name string) *object.Caller {
			c := *w.Admin
			c.Kind, c.Key, c.ID = object.PrincipalServiceAccount, name, "sa_"+name
			return &c
		}
		w.approvalPolicy(doc{"requester_cannot_approve": false})
		w.share(machine("ci"), "/finance", "view")
		q := w.pending()
		_, err := w.say(machine("bot"), sharing.ApproveRequest, q.ID)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		w.approvalPolicy(doc{"steps": []doc{{"approvers": []string{"service_account:bot"}}}})
		w.mustSay(machine("bot"), sharing.ApproveRequest, q.ID)
		w.wantLevel("email:"+outsider, "/finance", "view")
	})
}

// Another address makes nobody another person.
func TestRenamedRequesterStillCannotApprove(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.approvalPolicy(doc{"steps": []doc{{"approvers": []string{"role:member", "member:" + nobody}, "min_approvals": 1}}})
		w.share(w.manager(nobody, "/finance"), "/finance", "view")
		id := w.pending().ID
		const renamed = "nils.new@example.com"
		if err := w.Service.Do(context.Background(), object.System(w.Workspace.ID), func(s *object.Scope) error {
			return people.Rename(context.Background(), s, nobody, renamed)
		}); err != nil {
			t.Fatal(err)
		}
		_, err := w.say(w.as(renamed), sharing.ApproveRequest, id)
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if p := w.Get(t, w.Owner, api.ApprovalPolicyKind, "legal").(*api.ApprovalPolicy); p.Steps[0].Approvers[0] != "member:"+renamed {
			t.Errorf("policy = %+v", p)
		}
		w.mustSay(w.as(designer), sharing.ApproveRequest, id)
	})
}
