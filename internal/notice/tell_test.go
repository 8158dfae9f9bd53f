package notice_test

import (
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/notice"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// TestReviewsTellThoseWhomTheyConcern goes through a review as people make it (C083).
func TestReviewsTellThoseWhomTheyConcern(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var r *api.Review
		w.do(w.Max, func(s *object.Scope) (err error) {
			r, err = review.Request(ctx, s, api.ReviewRequest{Item: clip, Name: "First cut", Reviewers: []string{mia}})
			return err
		})
		w.do(w.Member, func(s *object.Scope) error {
			_, err := review.Comment(ctx, s, api.CommentRequest{Review: r.ID, Body: "The colours, @adam", Mentions: []string{adam}})
			return err
		})
		w.do(w.Member, func(s *object.Scope) error {
			_, err := review.GiveVerdict(ctx, s, r.ID, api.VerdictRequest{Verdict: api.VerdictNeedsChanges})
			return err
		})
		w.tell()
		for who, want := range map[*object.Caller][]string{
			w.Member: {maxim + " asks you to review " + clip + "."},
			w.Max:    {mia + " commented on " + clip + ".", mia + ` gave the verdict "needs changes" on ` + clip + "."},
			w.Admin:  {mia + " mentioned you in a comment on " + clip + "."}, // the project's owner, told once
		} {
			if diff := cmp.Diff(want, w.inbox(who)); diff != "" {
				t.Errorf("the inbox of %s (-want +got):\n%s", who.Key, diff)
			}
		}
		want := map[string][]string{
			mia:   {maxim + " asks you to review " + clip},
			maxim: {mia + ` gave the verdict "needs changes" on ` + clip},
			adam:  {mia + " mentioned you in a comment on " + clip},
		}
		if diff := cmp.Diff(want, w.mailed()); diff != "" {
			t.Errorf("mail by the default policy (-want +got):\n%s", diff)
		}
	})
}

func TestACommentTellsOwnerRequesterAndThread(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var first *api.Comment
		w.do(w.Member, func(s *object.Scope) (err error) {
			first, err = review.Comment(ctx, s, api.CommentRequest{Item: clip, Body: "Too dark"})
			return err
		})
		w.do(w.Max, func(s *object.Scope) error {
			_, err := review.Comment(ctx, s, api.CommentRequest{Parent: first.ID, Body: "Really?"})
			return err
		})
		w.tell()
		for who, want := range map[*object.Caller][]string{
			w.Admin:  {mia + " commented on " + clip + ".", maxim + " commented on " + clip + "."}, // owns the project
			w.Member: {maxim + " commented on " + clip + "."},                                      // whose thread it is
		} {
			if diff := cmp.Diff(want, w.inbox(who)); diff != "" {
				t.Errorf("the inbox of %s (-want +got):\n%s", who.Key, diff)
			}
		}
	})
}

func TestTheMakerOfALinkHearsOfEachVisitorOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		l := w.link(w.Admin, "Spring cut for Acme", nil)
		w.look(w.Admin, l, "one")
		w.look(w.Admin, l, "two")
		w.look(w.Admin, l, "one")
		target := audit.Target{Kind: "share_link", ID: l.ID, Key: l.Key}
		for range 2 { // two visits of somebody with a verified address
			w.record(object.System(w.Workspace.ID), "share_link.viewed", target, doc{"first": true, "by": "viewer:vera@client.example"})
		}
		w.tell()
		want := []string{
			`A visitor opened your link "spring-cut-for-acme" on ` + clip + " for the first time.",
			`vera@client.example opened your link "spring-cut-for-acme" on ` + clip + " for the first time.",
		}
		if diff := cmp.Diff(want, w.inbox(w.Admin)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := len(w.inbox(w.Owner)); n != 0 {
			t.Errorf("the owner was told %d things", n)
		}
		for _, row := range objecttest.Dump(t, w.DB)["notice_once"] {
			if count([]string{row}, "vera") != 0 {
				t.Errorf("a visitor's address is kept: %s", row)
			}
		}
	})
}

// TestViewsAreNotToldWhereThePolicyShowsNone: X09.
func TestViewsAreNotToldWhereThePolicyShowsNone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false, "track_external_views": false})
		w.look(w.Admin, w.link(w.Admin, "Spring cut for Acme", nil), "one")
		w.tell()
		if got := w.inbox(w.Admin); len(got) != 0 {
			t.Errorf("told: %q", got)
		}
	})
}

func TestApprovalsTellApproversAndRequesters(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": clip, "principal": "member:" + mia, "level": "manage"})
		w.Put(t, w.Owner, api.SharingPolicyKind, "", doc{"external_sharing": "anyone", "public_links": "allowed", "require_link_password": false, "require_external_approval": true})
		w.link(w.Member, "Spring cut for Acme", nil)
		w.tell()
		for _, c := range []*object.Caller{w.Owner, w.Admin} {
			if got := w.inbox(c); len(got) != 1 || count(got, mia+" asks for approval: ") != 1 {
				t.Errorf("the inbox of %s: %q", c.Key, got)
			}
		}
		if got := w.inbox(w.Member); len(got) != 0 {
			t.Errorf("the requester was told %q", got)
		}
		w.record(w.Owner, "approval_request.denied", audit.Target{Kind: "approval_request", ID: "aprq_1"}, doc{"state": "denied", "requester": "member:" + mia, "summary": "a link"})
		w.tell()
		if diff := cmp.Diff([]string{"Your request was denied: a link"}, w.inbox(w.Member)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestAnAcceptedInvitationIsToldToWhoeverInvited(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const nora = "nora@example.com"
		w.Service.BaseURL = "https://gatehouse.example.com"
		w.Create(t, w.Admin, api.InvitationKind, doc{"email": nora})
		link := regexp.MustCompile(`/invitations/(\S+)`)
		token := ""
		for _, m := range mailtest.Outbox(t, w.Service) {
			if found := link.FindStringSubmatch(m.Text); m.To == nora && found != nil {
				token = found[1]
			}
		}
		if _, err := people.AcceptInvitation(ctx, w.Service, token, sharing.Visitor{IP: "192.0.2.9"}); err != nil {
			t.Fatal(err)
		}
		w.tell()
		if diff := cmp.Diff([]string{nora + " accepted your invitation."}, w.inbox(w.Admin)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// asks records a request for a review, as its capability does.
func (w *world) asks(by *object.Caller, item string, reviewers ...string) {
	w.t.Helper()
	w.record(by, "review.requested", audit.Target{Kind: "review", ID: "rvw_1", Key: item}, doc{"item": item, "reviewers": reviewers})
}

func TestNobodyIsToldTwiceByManyReplicas(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 30 {
			w.asks(w.Owner, clip, mia, adam, mia)
		}
		w.Seal(w.t)
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				if _, err := (&notice.Worker{Service: w.Service}).Consume(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		w.tell()
		if n, m := len(w.inbox(w.Member)), len(mailtest.Outbox(t, w.Service)); n != 30 || m != 60 {
			t.Errorf("%d notifications and %d letters, want 30 and 60", n, m)
		}
	})
}

func TestTheSuspendedAreToldNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.suspend(mia)
		w.asks(w.Owner, clip, mia)
		w.tell()
		worker := w.Worker.Queue()
		if _, err := worker.Once(ctx); err != nil {
			t.Fatal(err)
		}
		if sent := w.Worker.Mail.(*box).sent; len(sent) != 0 {
			t.Errorf("sent: %+v", sent)
		}
		if n := len(objecttest.Dump(t, w.DB)["notification"]); n != 1 {
			t.Errorf("%d notifications, want that of before", n)
		}
		err := w.Service.View(ctx, w.Member, func(s *object.Scope) error {
			_, err := notice.Inbox(ctx, w.Service, s, false, "", 0)
			return err
		})
		if problem(err) != string(api.CodeForbidden) {
			t.Errorf("a suspended member reads the inbox: %v", err)
		}
	})
}

// TestANoticeTellsNobodyOfWhatTheyCannotSee: not when it happens, and not later.
func TestANoticeTellsNobodyOfWhatTheyCannotSee(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/secret-plans", "name": "Secret", "team": "design", "inheritance": "restricted"})
		w.asks(w.Owner, "/secret-plans", mia)
		w.asks(w.Owner, "/nowhere", mia)
		w.asks(w.Owner, "../../etc", mia)
		w.tell()
		if got := w.inbox(w.Member); len(got) != 0 || len(w.mailed()) != 0 {
			t.Errorf("told: %q", got)
		}
		w.asks(w.Owner, clip, mia)
		w.tell()
		grants, err := w.Service.List(ctx, w.Owner, api.AccessGrantKind, map[string]string{"resource": project}, "", 10)
		if err != nil || len(grants.Items) != 2 {
			t.Fatalf("the grants of %s: %v, %v", project, grants.Items, err)
		}
		for _, g := range grants.Items {
			w.Delete(t, w.Owner, api.AccessGrantKind, g.GetMeta().ID)
		}
		for _, n := range w.page(w.Member, false, "", 0).Items {
			if n.Item != "" || n.Actor != "" || n.TargetID != "" || n.Text != "Something happened to an item that you have no access to any more." {
				t.Errorf("shown after access has ended: %+v", n)
			}
		}
	})
}

// TestReviewersWithoutAnAccountGetMail: they have no inbox.
func TestReviewersWithoutAnAccountGetMail(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.AccessGrantKind, doc{"resource": clip, "principal": "email:vera@client.example", "level": "comment"})
		w.asks(w.Owner, clip, "vera@client.example", "nobody@client.example")
		w.record(w.Owner, "review.verdict_given", audit.Target{Kind: "review", ID: "rvw_1"}, doc{"item": clip, "verdict": "approved", "requested_by": "email:vera@client.example"})
		w.tell()
		want := map[string][]string{"vera@client.example": {olga + " shares “clip” with you", olga + " asks you to review " + clip}}
		if diff := cmp.Diff(want, w.mailed()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

func TestEventsThatMakeNoSenseStopNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for action := range map[string]bool{"share_link.viewed": true, "share_link.expiring": true, "comment.created": true, "review.requested": true, "review.verdict_given": true, "approval_request.created": true, "approval_request.approved": true, "invitation.accepted": true} {
			for _, after := range []any{nil, []int{1}, "text", doc{"mentions": 7}, doc{"first": true, "item": "x", "mentions": []string{"", ":", "team:x"}, "reviewers": []string{"\x00"}, "requested_by": "?", "inviter": "member:"}} {
				w.record(w.Owner, action, audit.Target{Kind: "review", ID: "none", Key: "none"}, after)
			}
		}
		w.asks(w.Owner, clip, mia)
		w.tell()
		if got := w.inbox(w.Member); len(got) != 1 {
			t.Errorf("told: %q", got)
		}
	})
}

func TestOldEventsReachTheInboxAlone(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asks(w.Owner, clip, mia)
		w.Advance(4 * 24 * time.Hour)
		w.tell()
		if len(w.inbox(w.Member)) != 1 || len(w.mailed()) != 0 {
			t.Error("an outage of days ends in letters about last week")
		}
	})
}

// TestTheErasedAreNotNamed: texts are made when they are read (X12).
func TestTheErasedAreNotNamed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.asks(w.Admin, clip, mia)
		w.tell()
		w.mailed()
		w.do(object.System(w.Workspace.ID), func(s *object.Scope) error {
			_, err := w.Service.AuditLog().Erase(ctx, s.Tx, s.WorkspaceID, adam)
			return err
		})
		if diff := cmp.Diff([]string{"Somebody who has left asks you to review " + clip + "."}, w.inbox(w.Member)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if n := w.page(w.Member, false, "", 0).Items[0]; n.Actor != "" {
			t.Errorf("the actor is still named: %+v", n)
		}
		w.prefer(w.Member, api.NotificationPreferences{Digest: "daily"})
		w.do(object.System(w.Workspace.ID), func(s *object.Scope) error {
			_, err := s.Forget(ctx, &object.Person{Addresses: []string{w.Member.Key}, Member: w.Member.ID, Token: "erased:test"})
			return err
		})
		for table, rows := range objecttest.Dump(t, w.DB) {
			for _, row := range rows {
				if (table == "notification" || table == "notification_preference" || table == "delivery") && count([]string{row}, w.Member.ID) != 0 {
					t.Errorf("%s still has something of a person who was forgotten: %s", table, row)
				}
			}
		}
	})
}
