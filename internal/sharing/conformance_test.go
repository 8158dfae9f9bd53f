package sharing_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/people" // guests
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

const declared = "gus@partner.example" // a guest with a declaration

// shared is a world in which much was given to people outside, under an open policy.
func shared(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "require_external_approval": false, "guest_max_days": 180})
		w.Create(t, w.Owner, api.GuestKind, doc{"email": declared, "sponsor": objecttest.AdminEmail, "projects": []string{"/campaigns", "/finance"}})
		w.grant("email:ann@client.example", "/campaigns", "view")
		w.grant("email:ann@client.example", "/finance/quarterly", "comment")
		w.grant("email:bob@rival.example", "/finance", "view")
		w.grant("member:"+guest, "/campaigns/spring", "edit")
		w.grant("member:"+nobody, "/campaigns", "view")
		w.grant("team:design", "/finance", "view")
		w.Create(t, w.Owner, api.RoleAssignmentKind, doc{"role": "viewer", "scope": "/finance", "principal": "email:cat@client.example"})
		test(t, w)
	})
}

func (w *world) view(by *object.Caller, f func(ctx context.Context, s *object.Scope) error) error {
	return w.Service.View(context.Background(), by, func(s *object.Scope) error { return f(context.Background(), s) })
}

// nonconforming lists, in the words "kind key: attribute,… remedy".
func (w *world) nonconforming(m sharing.Measure) []string {
	w.t.Helper()
	var out []string
	for cursor := ""; ; {
		var page api.Page[api.NonconformingShare]
		err := w.view(w.Admin, func(ctx context.Context, s *object.Scope) (err error) {
			page, err = sharing.Conformance(ctx, s, m, cursor, 2)
			return err
		})
		if err != nil {
			w.t.Fatal(err)
		}
		for _, sh := range page.Items {
			var attributes []string
			for _, r := range sh.Reasons {
				attributes = append(attributes, r.Attribute)
			}
			out = append(out, fmt.Sprintf("%s %s: %s %s", sh.Kind, sh.Key, strings.Join(attributes, ","), sh.Remedy))
		}
		if cursor = page.NextCursor; cursor == "" {
			return out
		}
	}
}

func (w *world) wantNonconforming(m sharing.Measure, want ...string) {
	w.t.Helper()
	got := w.nonconforming(m)
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("nonconforming shares (-want +got):\n%s", diff)
	}
}

func TestSharesThatWouldNotBeAcceptedTodayAreListed(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		w.wantNonconforming(sharing.Measure{})

		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"rival.example"}, "require_external_approval": false})
		w.wantNonconforming(sharing.Measure{}, "access_grant email:bob@rival.example@/finance: blocked_domains revoke")

		w.policy(doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}, "guest_max_days": 30})
		w.wantNonconforming(sharing.Measure{},
			"guest gus@partner.example: guest_max_days shorten_expiry",
			"access_grant email:ann@client.example@/campaigns: allowed_domains revoke",
			"access_grant email:ann@client.example@/finance/quarterly: allowed_domains revoke",
			"access_grant email:bob@rival.example@/finance: allowed_domains revoke",
			"role_assignment viewer@email:cat@client.example@/finance: allowed_domains revoke")
		w.wantNonconforming(sharing.Measure{Resource: "/finance"},
			"access_grant email:ann@client.example@/finance/quarterly: allowed_domains revoke",
			"access_grant email:bob@rival.example@/finance: allowed_domains revoke",
			"role_assignment viewer@email:cat@client.example@/finance: allowed_domains revoke")
		w.wantNonconforming(sharing.Measure{Kind: "guest"}, "guest gus@partner.example: guest_max_days shorten_expiry")

		w.policy(doc{"external_sharing": "disabled", "guest_access": false})
		w.wantNonconforming(sharing.Measure{Resource: "/campaigns"},
			"access_grant email:ann@client.example@/campaigns: external_sharing,guest_access revoke",
			"access_grant member:gina@partner.example@/campaigns/spring: external_sharing,guest_access revoke")
		w.wantNonconforming(sharing.Measure{Kind: "guest"}, "guest gus@partner.example: external_sharing,guest_access suspend")

		w.policy(doc{"external_sharing": "anyone"})
		w.override("/finance", doc{"external_sharing": "disabled"})
		w.override("/campaigns", doc{"guest_max_days": 10})
		w.wantNonconforming(sharing.Measure{},
			"access_grant email:ann@client.example@/finance/quarterly: external_sharing revoke",
			"access_grant email:bob@rival.example@/finance: external_sharing revoke",
			"access_grant member:gus@partner.example@/campaigns: guest_max_days shorten_expiry",
			"access_grant member:gus@partner.example@/finance: external_sharing revoke",
			"role_assignment viewer@email:cat@client.example@/finance: external_sharing revoke")
	})
}

func TestConformanceIsForWhoSeesAllGrants(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		err := w.view(w.Member, func(ctx context.Context, s *object.Scope) error {
			_, err := sharing.Conformance(ctx, s, sharing.Measure{}, "", 10)
			return err
		})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		for name, cursor := range map[string]string{"noise": "%%%", "another kind": "Y3RlYW18eA", "nul": "Y2d1ZXN0fAA"} {
			err := w.view(w.Admin, func(ctx context.Context, s *object.Scope) error {
				_, err := sharing.Conformance(ctx, s, sharing.Measure{}, cursor, 10)
				return err
			})
			if p := objecttest.WantProblem(t, err, api.CodeMalformed); p == nil {
				t.Error(name)
			}
		}
	})
}

// By default a change of the policy leaves what exists alone (C062).
func TestSharesThatExistAreUnaffectedUnlessSomebodySaysSo(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		before := w.keys(w.Owner, api.AccessGrantKind)
		w.policy(doc{"external_sharing": "disabled"})
		w.override("/finance", doc{"blocked_domains": []string{"rival.example"}})
		if diff := cmp.Diff(before, w.keys(w.Owner, api.AccessGrantKind)); diff != "" {
			t.Error(diff)
		}
		w.wantAllowed("email:ann@client.example", "/campaigns", true, "item.read")
		w.wantAllowed("email:bob@rival.example", "/finance", true, "item.read")
		w.wantAllowed("member:"+declared, "/campaigns", true, "item.read")
		w.wantAllowed("member:"+guest, "/campaigns/spring", true, "item.read")
		if n, err := sharing.EnforceDue(context.Background(), w.Service); n != 0 || err != nil {
			t.Errorf("EnforceDue = %d, %v", n, err)
		}
	})
}

func TestAPolicyThatEnforcesEndsSharesInItsOwnTransaction(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		d := doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}, "guest_max_days": 30, "existing_shares": "enforce"}
		w.policy(d)
		w.wantNonconforming(sharing.Measure{})
		if keys := w.keys(w.Owner, api.AccessGrantKind); !slices.Equal(keys, []string{
			"member:gina@partner.example@/campaigns/spring", "member:gus@partner.example@/campaigns", "member:gus@partner.example@/finance", "member:" + nobody + "@/campaigns", "team:design@/finance"}) {
			t.Errorf("grants left: %v", keys)
		}
		if keys := w.keys(w.Owner, api.RoleAssignmentKind); len(keys) != 0 {
			t.Errorf("role assignments left: %v", keys)
		}
		g := w.Get(t, w.Owner, api.GuestKind, declared).(*api.Guest)
		if in := time.Until(*g.ExpiresAt); !g.Active || in > 31*24*time.Hour || in < 29*24*time.Hour || len(g.Projects) != 2 {
			t.Errorf("the guest is %+v", g)
		}
		for _, action := range []string{"access_grant.revoked", "role_assignment.revoked", "guest.updated", "sharing.enforced"} {
			events := w.Events(t, audit.Filter{Action: action})
			if len(events) == 0 || events[len(events)-1].Actor.Key != objecttest.OwnerEmail {
				t.Errorf("no event %s by the Owner", action)
			}
		}
		w.wantAllowed("email:ann@client.example", "/campaigns", false, "item.read")
		// What would not conform cannot arise any more.
		_, err := w.TryPut(t, w.Admin, api.AccessGrantKind, "", doc{"resource": "/campaigns", "principal": "email:ann@client.example", "level": "view"})
		objecttest.WantViolation(t, err, "/principal")
	})
}

func TestAnOverrideEnforcesItselfOnItsItemAlone(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		w.override("/finance", doc{"external_sharing": "disabled", "existing_shares": "enforce"})
		w.wantAllowed("email:ann@client.example", "/finance/quarterly", false, "item.read")
		w.wantAllowed("email:ann@client.example", "/campaigns", true, "item.read")
		if g := w.Get(t, w.Owner, api.GuestKind, declared).(*api.Guest); !slices.Equal(g.Projects, []string{"/campaigns"}) {
			t.Errorf("the guest works on %v", g.Projects)
		}
	})
}

// Whoever outside has something above an item that keeps them out does not reach it.
func TestAShareAboveDoesNotLeadIntoAPlaceThatIsShut(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		w.wantAllowed("email:bob@rival.example", "/finance/quarterly", true, "item.read")
		w.override("/finance/quarterly", doc{"blocked_domains": []string{"rival.example"}, "existing_shares": "enforce"})
		w.wantAllowed("email:bob@rival.example", "/finance/quarterly", false, "item.read")
		w.wantLevel("email:bob@rival.example", "/finance/quarterly", "none")
		w.wantAllowed("email:bob@rival.example", "/finance", true, "item.read")
		w.wantAllowed("email:ann@client.example", "/finance/quarterly", true, "item.read")
		w.wantAllowed("team:design", "/finance/quarterly", true, "item.read")
	})
}

// Until the deadline shares live; the very next request after it is denied, whether
// anything was written or not; the rows follow with the next run of the job.
func TestGrandfatheredSharesStopAtTheirDeadline(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		until := time.Now().Add(48 * time.Hour).UTC().Format(time.RFC3339)
		w.policy(doc{"external_sharing": "allowlist", "allowed_domains": []string{"partner.example"}, "guest_max_days": 1, "existing_shares": "grandfather", "grandfather_until": until})
		before := w.keys(w.Owner, api.AccessGrantKind)
		w.wantAllowed("email:ann@client.example", "/campaigns", true, "item.read")
		w.wantAllowed("member:"+declared, "/campaigns", true, "item.read")
		w.Advance(47 * time.Hour)
		w.wantAllowed("email:ann@client.example", "/campaigns", true, "item.read")
		w.wantAllowed("member:"+declared, "/campaigns", true, "item.read")
		if n, err := sharing.EnforceDue(context.Background(), w.Service); n != 0 || err != nil {
			t.Errorf("before the deadline EnforceDue = %d, %v", n, err)
		}
		w.Advance(time.Hour + time.Minute)
		w.wantAllowed("email:ann@client.example", "/campaigns", false, "item.read")
		w.wantAllowed("email:cat@client.example", "/finance", false, "item.read")
		w.wantAllowed("member:"+declared, "/campaigns", false, "item.read")
		w.wantAllowed("member:"+guest, "/campaigns/spring", true, "item.read")
		if diff := cmp.Diff(before, w.keys(w.Owner, api.AccessGrantKind)); diff != "" {
			t.Errorf("grants were written before the job: %s", diff)
		}
		n, err := sharing.EnforceDue(context.Background(), w.Service)
		if n != 5 || err != nil { // three grants, a role, a guest
			t.Errorf("after the deadline EnforceDue = %d, %v", n, err)
		}
		w.wantNonconforming(sharing.Measure{})
		if g := w.Get(t, w.Owner, api.GuestKind, declared).(*api.Guest); g.Active {
			t.Errorf("the guest who should have left is active: %+v", g)
		}
		if n, err := sharing.EnforceDue(context.Background(), w.Service); n != 0 || err != nil {
			t.Errorf("again EnforceDue = %d, %v", n, err)
		}
	})
}

func TestSomebodyMayEnforceThePolicyNow(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"rival.example", "client.example"}})
		enforce := func(by *object.Caller, do func(context.Context, *object.Caller, func(*object.Scope) error) error, m sharing.Measure) (out *api.Enforcement, err error) {
			ctx := context.Background()
			err = do(ctx, by, func(s *object.Scope) (err error) { out, err = sharing.EnforceNow(ctx, s, m); return err })
			return out, err
		}
		_, err := enforce(w.Member, w.Service.Do, sharing.Measure{})
		objecttest.WantProblem(t, err, api.CodeForbidden)
		if out, err := enforce(w.Admin, w.Service.Try, sharing.Measure{}); err != nil || out.Revoked != 4 || !out.Complete || len(out.Items) != 4 {
			t.Errorf("dry run: %+v, %v", out, err)
		}
		if out, err := enforce(w.Admin, w.Service.Do, sharing.Measure{Resource: "/campaigns"}); err != nil || out.Revoked != 1 {
			t.Errorf("on /campaigns: %+v, %v", out, err)
		}
		if out, err := enforce(w.Admin, w.Service.Do, sharing.Measure{}); err != nil || out.Revoked != 3 || out.Suspended != 0 {
			t.Errorf("everywhere: %+v, %v", out, err)
		}
		w.wantNonconforming(sharing.Measure{})
	})
}

func TestAProposedPolicyIsPreviewed(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		err := w.view(w.Admin, func(ctx context.Context, s *object.Scope) error {
			now, err := s.Sharing(ctx)
			if err != nil {
				return err
			}
			proposed := *now.Workspace()
			proposed.ExternalSharing = "disabled"
			out, err := sharing.Preview(ctx, s, sharing.Measure{Sharing: now.With(&proposed)})
			if err != nil {
				return err
			}
			// A guest who would be suspended takes their grants along.
			if out.Count != 6 || !out.Complete || out.Remedies[api.RemedySuspend] != 1 || out.Remedies[api.RemedyRevoke] != 5 {
				t.Errorf("preview = %+v", out)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.wantNonconforming(sharing.Measure{})
	})
}

// A change that would end more than it may at once ends that much; the decision shuts
// out the rest, and the job makes the rows follow.
func TestEnforcementIsBounded(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		ctx := context.Background()
		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"rival.example", "client.example"}})
		err := w.Service.Do(ctx, object.System(w.Workspace.ID), func(s *object.Scope) error {
			out, err := sharing.Enforce(ctx, s, sharing.Measure{}, 2, "a test")
			if err == nil && (out.Complete || out.Revoked != 2) {
				t.Errorf("%+v", out)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if left := w.nonconforming(sharing.Measure{}); len(left) != 2 {
			t.Errorf("left: %v", left)
		}
	})
}

func TestSharesOfManyPeopleArePagedWithoutLoss(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "require_external_approval": false})
		want := []string{}
		grants := doc{}
		for i := range 205 {
			p := fmt.Sprintf("email:p%03d@client.example", i)
			grants[p] = "view"
			want = append(want, fmt.Sprintf("access_grant %s@/campaigns: blocked_domains revoke", p))
		}
		w.Put(t, w.Admin, api.AccessGrantsKind, "/campaigns", doc{"resource": "/campaigns", "grants": grants})
		for i := range 205 { // more guests than are looked at together
			email := fmt.Sprintf("g%03d@client.example", i)
			w.sql(`INSERT INTO member (workspace_id, kind, id, key, doc, version, manager, stack, change_context, managed_at, created_at, updated_at, role, active, source, external_id, connection)
				VALUES ($1, 'member', $2, $3, $4, 1, 'manual', '', '', 0, 0, 0, 'guest', 1, 'manual', '', '')`,
				w.Workspace.ID, fmt.Sprintf("mem_%026d", i), email, fmt.Sprintf(`{"email":%q,"workspace_role":"guest","active":true}`, email))
			if i%3 == 0 {
				w.grant("member:"+email, "/finance", "view")
				want = append(want, fmt.Sprintf("access_grant member:%s@/finance: blocked_domains revoke", email))
			}
		}
		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"client.example"}})
		w.wantNonconforming(sharing.Measure{}, want...)
	})
}

func TestLinksAreMeasuredByTheirPlace(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"max_link_expiration_days": 90})
		w.link("/finance", "anyone", doc{"name": "Open to all", "expires_at": in(60)})
		w.link("/finance", "anyone", doc{"name": "With a password", "password_wo": thePassword, "password_wo_version": 1, "expires_at": in(3)})
		w.link("/campaigns", "recipient", doc{"name": "For two", "recipients": []string{visitorMail, "rita@rival.example", objecttest.MemberEmail}, "expires_at": in(60)})
		w.link("/campaigns", "recipient", doc{"name": "For a rival", "recipients": []string{"rita@rival.example"}, "expires_at": in(3)})
		w.link("/campaigns", "recipient", doc{"name": "For us", "recipients": []string{objecttest.MemberEmail}, "expires_at": in(3)})
		w.wantNonconforming(sharing.Measure{})

		w.linkPolicy(doc{"require_link_password": true, "blocked_domains": []string{"rival.example"}, "max_link_expiration_days": 30})
		w.wantNonconforming(sharing.Measure{},
			"share_link /campaigns#for-a-rival: blocked_domains revoke",
			"share_link /campaigns#for-two: max_link_expiration_days,blocked_domains remove_recipients",
			"share_link /finance#open-to-all: require_link_password,max_link_expiration_days revoke")
		w.linkPolicy(doc{"public_links": "disabled", "max_link_expiration_days": 90})
		w.wantNonconforming(sharing.Measure{Kind: "share_link"},
			"share_link /finance#open-to-all: public_links revoke",
			"share_link /finance#with-a-password: public_links revoke")
		w.linkPolicy(doc{"max_link_expiration_days": 90})
		w.override("/campaigns", doc{"max_link_expiration_days": 10})
		w.wantNonconforming(sharing.Measure{}, "share_link /campaigns#for-two: max_link_expiration_days shorten_expiry")
	})
}

func TestEnforcingALinkPolicyRevokesTrimsAndShortens(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		open := w.link("/finance", "anyone", doc{"name": "Open to all"})
		two := w.link("/campaigns", "recipient", doc{"name": "For two", "recipients": []string{visitorMail, "rita@rival.example"}, "expires_at": in(60)})
		long := w.link("/campaigns", "recipient", doc{"name": "For long", "expires_at": in(60)})
		token := w.token(two)
		session := w.identify(token, browser, sharing.Answer{Email: "rita@rival.example"})
		kept := w.identify(token, another, sharing.Answer{Email: visitorMail})
		w.linkPolicy(doc{"public_links": "disabled", "blocked_domains": []string{"rival.example"}, "max_link_expiration_days": 30, "existing_shares": "enforce"})

		if l := w.Get(t, w.Owner, api.ShareLinkKind, open.ID).(*api.ShareLink); l.State != api.LinkRevoked {
			t.Errorf("the open link is %s", l.State)
		}
		for _, id := range []string{two.ID, long.ID} {
			l := w.Get(t, w.Owner, api.ShareLinkKind, id).(*api.ShareLink)
			if in := time.Until(*l.ExpiresAt); !slices.Equal(l.Recipients, []string{visitorMail}) || l.State != api.LinkActive || in > 31*24*time.Hour || in < 29*24*time.Hour {
				t.Errorf("the link is %+v", l)
			}
		}
		w.wantClosed(session, sharing.ClosedEnded)
		w.visit(kept, another)
		w.wantNonconforming(sharing.Measure{})
		if got := w.Events(t, audit.Filter{Action: "share_link.revoked"}); len(got) != 1 || len(got[0].Reasons) == 0 {
			t.Errorf("events of revoked links: %+v", got)
		}
	})
}

// A link that was prolonged while the policy allowed it has its days from then on.
func TestAProlongedLinkStaysOpenUnderAnEnforcedPolicy(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"max_link_expiration_days": 10, "default_link_expiration_days": 10, "existing_shares": "enforce"})
		l := w.link("/finance", "anyone", nil)
		token := w.token(l)
		w.Advance(9 * 24 * time.Hour)
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", doc{"expires_at": in(18)}))
		w.Advance(5 * 24 * time.Hour)
		session, _ := w.enter(token, browser, sharing.Answer{})
		w.visit(session, browser)
		w.wantNonconforming(sharing.Measure{})
	})
}

func TestOpenInvitationsOfGuestsAreMeasured(t *testing.T) {
	shared(t, func(t *testing.T, w *world) {
		invite := func(email, role string, more doc) {
			d := doc{"email": email, "workspace_role": role}
			for k, v := range more {
				d[k] = v
			}
			w.Create(t, w.Owner, api.InvitationKind, d)
		}
		invite("rita@rival.example", "guest", doc{"projects": []string{"/campaigns"}, "sponsor": objecttest.AdminEmail})
		invite("ned@rival.example", "member", nil)
		w.wantNonconforming(sharing.Measure{Kind: "invitation"})
		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"rival.example"}})
		w.wantNonconforming(sharing.Measure{Kind: "invitation"}, "invitation rita@rival.example: blocked_domains revoke")
		w.wantNonconforming(sharing.Measure{Kind: "invitation", Resource: "/finance"})
		w.policy(doc{"external_sharing": "anyone", "blocked_domains": []string{"rival.example"}, "existing_shares": "enforce"})
		w.wantNonconforming(sharing.Measure{})
		if keys := w.keys(w.Owner, api.InvitationKind); !slices.Equal(keys, []string{"ned@rival.example"}) {
			t.Errorf("invitations left: %v", keys)
		}
	})
}

// Shares that are made while the policy changes obey the new one, or are ended by it:
// nothing slips through between (two replicas on PostgreSQL).
func TestSharesMadeDuringAChangeOfThePolicyConform(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.policy(doc{"external_sharing": "anyone", "require_external_approval": false})
		const makers = 6
		var all sync.WaitGroup
		for n := range makers {
			all.Add(1)
			go func() {
				defer all.Done()
				for i := range 4 {
					doc := doc{"resource": "/campaigns", "principal": fmt.Sprintf("email:p%d-%d@client.example", n, i), "level": "view"}
					_, err := w.Service.Create(ctx, w.Admin, api.AccessGrantKind, objecttest.JSON(t, doc), object.WriteOptions{})
					if p := (*api.Problem)(nil); err != nil && (!errors.As(err, &p) || p.Code() != api.CodeInvalid) {
						t.Errorf("making a share: %v", err)
					}
				}
			}()
		}
		w.policy(doc{"external_sharing": "disabled", "existing_shares": "enforce"})
		all.Wait()
		w.wantNonconforming(sharing.Measure{})
		if left := w.keys(w.Owner, api.AccessGrantKind); len(left) != 0 {
			t.Errorf("shares left: %v", left)
		}
	})
}
