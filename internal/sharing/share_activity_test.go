package sharing_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func (w *world) activity(by *object.Caller, ref, cursor string, limit int) (out *api.ShareActivity, err error) {
	err = w.Service.View(ctx, by, func(s *object.Scope) error {
		out, err = sharing.Activity(ctx, s, ref, cursor, limit)
		return err
	})
	return out, err
}

func (w *world) shares(by *object.Caller, f sharing.ShareFilter) []api.Share {
	w.t.Helper()
	var all []api.Share
	for {
		var page api.Page[api.Share]
		err := w.Service.View(ctx, by, func(s *object.Scope) (err error) {
			page, err = sharing.Shares(ctx, s, f)
			return err
		})
		if err != nil {
			w.t.Fatalf("listing shares: %v", err)
		}
		all = append(all, page.Items...)
		if f.Cursor = page.NextCursor; f.Cursor == "" {
			return all
		}
	}
}

func namesOf(shares []api.Share) []string {
	var out []string
	for _, s := range shares {
		out = append(out, s.Key)
	}
	return out
}

// C071, C072: who looked, when, and how often; each item once for each visit.
func TestViewsOfALinkAreCountedAndNamed(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "recipient", doc{"recipients": []string{visitorMail, strangerMail}})
		token := w.token(l)
		first := w.identify(token, browser, sharing.Answer{Email: visitorMail})
		for range 3 {
			w.visit(first, browser)
		}
		w.Advance(time.Second)
		if _, err := sharing.Look(ctx, w.Service, first, browser, sharing.Place{Path: "/finance/quarterly"}); err != nil {
			t.Fatal(err)
		}
		w.Advance(time.Minute)
		second := w.identify(token, another, sharing.Answer{Email: strangerMail})
		w.visit(second, another)
		w.Advance(10 * time.Minute)
		w.visit(first, browser)
		got, err := w.activity(w.Admin, l.Key, "", 2)
		if err != nil {
			t.Fatal(err)
		}
		rest, err := w.activity(w.Admin, l.ID, got.NextCursor, 2)
		if err != nil || got.NextCursor == "" || rest.NextCursor != "" {
			t.Fatalf("two pages: %+v, %+v, %v", got, rest, err)
		}
		var lines []string
		for _, v := range append(got.Items, rest.Items...) {
			lines = append(lines, fmt.Sprint(v.Viewer, " ", v.Resource, " ", v.LastAt.Sub(v.FirstAt).Round(time.Minute)))
		}
		want := []string{"viewer:" + strangerMail + " /finance 0s", "viewer:" + visitorMail + " /finance/quarterly 0s", "viewer:" + visitorMail + " /finance 11m0s"}
		if !slices.Equal(lines, want) {
			t.Errorf("views = %q, want %q", lines, want)
		}
		if got.ViewCount == nil || *got.ViewCount != 2 || got.LastAccessAt == nil || w.Service.Clock().Sub(*got.LastAccessAt) > time.Minute {
			t.Errorf("count %v, last access %v; want 2, now", got.ViewCount, got.LastAccessAt)
		}
		events := w.Events(t, audit.Filter{Action: "share_link.viewed"})
		var firsts []bool
		for _, e := range events {
			firsts = append(firsts, strings.Contains(string(e.After), `"first":true`))
		}
		if !slices.Equal(firsts, []bool{true, false, true}) {
			t.Errorf("first views: %v in %+v", firsts, events)
		}
		// Looking changes no object: nothing that a plan would see.
		if after := w.Get(t, w.Admin, api.ShareLinkKind, l.ID).(*api.ShareLink); after.ETag != l.ETag {
			t.Errorf("the ETag moved from %s to %s", l.ETag, after.ETag)
		}
		for by, want := range map[string]api.Code{nobody: api.CodeNotFound, guest: api.CodeForbidden} {
			_, err := w.activity(w.as(by), l.ID, "", 0)
			objecttest.WantProblem(t, err, want)
		}
	})
}

// X09: the switch hides what people see; the audit log records all the same.
func TestSwitchHidesViewsFromPeopleAndNotFromTheAuditLog(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"track_external_views": false})
		l := w.link("/finance", "recipient", nil)
		w.visit(w.identify(w.token(l), browser, sharing.Answer{Email: visitorMail}), browser)
		got, err := w.activity(w.Admin, l.ID, "", 0)
		if err != nil || got.Tracking || got.ViewCount != nil || got.LastAccessAt != nil || len(got.Items) != 0 {
			t.Errorf("activity = %+v, %v; want nothing", got, err)
		}
		shares := w.shares(w.Admin, sharing.ShareFilter{Resource: "/finance"})
		if len(shares) != 1 || shares[0].Tracking || shares[0].ViewCount != nil || shares[0].LastAccessAt != nil {
			t.Errorf("shares = %+v, want no counts", shares)
		}
		if e := w.Events(t, audit.Filter{Action: "share_link.viewed"}); len(e) != 1 || e[0].Actor.Key != visitorMail {
			t.Errorf("events = %+v, want the view", e)
		}
		// Where an item's own policy shows them they are shown, from the same rows.
		w.linkPolicy(doc{"track_external_views": true})
		if got, err := w.activity(w.Admin, l.ID, "", 0); err != nil || len(got.Items) != 1 {
			t.Errorf("activity = %+v, %v; want the view", got, err)
		}
	})
}

// C073: everything that is shared outside, and nothing that is over.
func TestSharesAreWhatIsOpenToPeopleOutside(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.link("/campaigns", "anyone", doc{"name": "For anyone"})
		w.link("/finance", "recipient", doc{"name": "For Vera", "max_views": 1})
		w.link("/finance", "recipient", doc{"name": "For Stan", "recipients": []string{strangerMail}})
		w.link("/finance", "anyone", doc{"name": "Soon over", "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
		used := w.link("/finance", "anyone", doc{"name": "Used up", "max_views": 1})
		w.enter(w.token(used), browser, sharing.Answer{})
		w.grant("email:zoe@client.example", "/finance", "view")
		w.grant("member:"+guest, "/campaigns", "edit")
		w.grant("member:"+nobody, "/finance", "manage") // of the organisation: no share
		w.Put(t, w.Admin, api.AccessGrantKind, "", doc{"resource": "/campaigns", "principal": "email:yan@client.example", "level": "view", "expires_at": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)})
		w.Advance(2 * time.Hour)
		all := []string{"/campaigns#for-anyone", "/finance#for-stan", "/finance#for-vera", "email:zoe@client.example@/finance", "member:" + guest + "@/campaigns"}
		for limit := range 4 {
			if got := namesOf(w.shares(w.Admin, sharing.ShareFilter{Limit: limit})); !slices.Equal(got, all) {
				t.Errorf("in pages of %d: %q, want %q", limit, got, all)
			}
		}
		for _, c := range []struct {
			f    sharing.ShareFilter
			want []string
		}{
			{sharing.ShareFilter{Resource: "/finance"}, []string{all[1], all[2], all[3]}},
			{sharing.ShareFilter{Principal: "email:" + strangerMail}, []string{all[1]}},
			{sharing.ShareFilter{Principal: "viewer:" + visitorMail}, []string{all[2]}},
			{sharing.ShareFilter{Principal: "email:zoe@client.example"}, []string{all[3]}},
			{sharing.ShareFilter{Principal: "member:" + guest}, []string{all[4]}},
			{sharing.ShareFilter{Principal: "member:" + guest, Resource: "/finance"}, nil},
		} {
			if got := namesOf(w.shares(w.Admin, c.f)); !slices.Equal(got, c.want) {
				t.Errorf("%+v: %q, want %q", c.f, got, c.want)
			}
		}
		// Who manages one item sees its shares; who manages none sees none.
		if got := namesOf(w.shares(w.as(nobody), sharing.ShareFilter{})); !slices.Equal(got, []string{all[1], all[2], all[3]}) {
			t.Errorf("a manager of /finance sees %q", got)
		}
		if got := namesOf(w.shares(w.as(designer), sharing.ShareFilter{})); len(got) != 0 {
			t.Errorf("an editor sees %q", got)
		}
	})
}

// What is over goes after two days; the record of a deleted link when its time is over.
func TestTracesOfVisitsAreKeptForTheirTime(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.RetentionPolicyKind, "", doc{"link_tombstone_days": 10})
		l, kept := w.link("/finance", "recipient", nil), w.link("/finance", "anyone", doc{"name": "It stays open", "expires_at": in(60)})
		token := w.token(l)
		w.visit(w.identify(token, browser, sharing.Answer{Email: visitorMail}), browser)
		open := w.token(kept)
		session, _ := w.enter(open, browser, sharing.Answer{})
		w.visit(session, browser)
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		rows := func() string {
			t.Helper()
			if _, err := sharing.PurgeVisits(ctx, w.Service); err != nil {
				t.Fatal(err)
			}
			out := []string{}
			for _, table := range []string{"link_session", "link_throttle", "link_code", "link_view", "link_use", "link_token"} {
				var n int
				w.read(`SELECT COUNT(*) FROM `+table, &n)
				out = append(out, fmt.Sprint(n))
			}
			return strings.Join(out, " ")
		}
		if got, want := rows(), "2 6 0 2 2 2"; got != want {
			t.Errorf("at once: %s, want %s", got, want)
		}
		w.Advance(4 * 24 * time.Hour)
		if got, want := rows(), "0 0 0 2 2 2"; got != want {
			t.Errorf("after four days: %s, want %s", got, want)
		}
		w.wantLanding(token, sharing.ClosedRevoked, "")
		w.Advance(7 * 24 * time.Hour)
		if got, want := rows(), "0 0 0 1 1 1"; got != want {
			t.Errorf("after eleven days: %s, want %s", got, want)
		}
		w.wantLanding(token, sharing.ClosedUnknown, "")
		w.wantLanding(open, "", sharing.NeedsNothing)
	})
}
