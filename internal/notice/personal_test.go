package notice_test

import (
	"fmt"
	"strings"
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
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/workspace"
)

// TestMailFollowsThePolicyAndThePersonOverIt: C084.
func TestMailFollowsThePolicyAndThePersonOverIt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		happens := func() map[string][]string {
			w.asks(w.Owner, clip, mia, maxim)
			w.record(w.Owner, "review.verdict_given", audit.Target{Kind: "review", ID: "rvw_1"}, doc{"item": clip, "verdict": "approved", "requested_by": "member:" + mia})
			w.tell()
			return w.mailed()
		}
		asks, verdict := olga+" asks you to review "+clip, olga+` gave the verdict "approved" on `+clip
		for _, step := range []struct {
			policy doc
			mia    api.NotificationPreferences
			want   map[string][]string
		}{
			{doc{}, api.NotificationPreferences{}, map[string][]string{mia: {asks, verdict}, maxim: {asks}}},
			{doc{"email_events": []string{}}, api.NotificationPreferences{}, map[string][]string{}},
			{doc{"email_events": []string{}}, api.NotificationPreferences{Email: map[string]bool{"verdict": true}}, map[string][]string{mia: {verdict}}},
			{doc{"email_events": []string{"verdict", "review_requested"}}, api.NotificationPreferences{Email: map[string]bool{"verdict": false}}, map[string][]string{mia: {asks}, maxim: {asks}}},
		} {
			w.Put(t, w.Owner, api.NotificationPolicyKind, "", step.policy)
			w.prefer(w.Member, step.mia)
			if diff := cmp.Diff(step.want, happens()); diff != "" {
				t.Errorf("policy %v, mia %+v (-want +got):\n%s", step.policy, step.mia, diff)
			}
		}
		if n := len(w.inbox(w.Member)); n != 8 {
			t.Errorf("the inbox has %d notifications, want all 8", n)
		}
	})
}

// TestMutingSilencesAnItemAndKeepsTheInbox: X13, with everything below the item.
func TestMutingSilencesAnItemAndKeepsTheInbox(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/campaign-two", "name": "Two", "team": "design", "owner": mia})
		for _, c := range []struct {
			mute string
			loud []bool // of clip and of /campaign-two
		}{
			{"/campaign", []bool{false, true}}, {clip, []bool{false, true}}, {"/", []bool{false, false}}, {"/campaign/clip/x", []bool{true, true}}, {"/campaign-two", []bool{true, false}},
		} {
			w.prefer(w.Member, api.NotificationPreferences{Mutes: []string{c.mute}, Digest: "daily"})
			before := w.page(w.Member, false, "", 0)
			for i, item := range []string{clip, "/campaign-two"} {
				w.asks(w.Owner, item, mia)
				w.tell()
				if got := len(w.mailed()[mia]) == 1; got != c.loud[i] {
					t.Errorf("%s muted: mail about %s: %v", c.mute, item, got)
				}
				if n := w.page(w.Member, false, "", 0).Items[0]; n.Item != item || n.Muted == c.loud[i] {
					t.Errorf("%s muted: the inbox says %+v", c.mute, n)
				}
			}
			after := w.page(w.Member, false, "", 0)
			if badge := after.Unread - before.Unread; len(after.Items) != len(before.Items)+2 || badge != int64(count([]string{fmt.Sprint(c.loud[0]), fmt.Sprint(c.loud[1])}, "true")) {
				t.Errorf("%s muted: the badge grows by %d, the inbox by %d", c.mute, badge, len(after.Items)-len(before.Items))
			}
		}
	})
}

func TestInboxIsPagedAndRead(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for range 5 {
			w.asks(w.Owner, clip, mia)
		}
		w.tell()
		seen, cursor := []string{}, ""
		for range 3 {
			page := w.page(w.Member, false, cursor, 2)
			for _, n := range page.Items {
				seen = append(seen, n.ID)
			}
			cursor = page.NextCursor
		}
		if len(seen) != 5 || cursor != "" {
			t.Fatalf("paged: %v, then %q", seen, cursor)
		}
		mark := func(c *object.Caller, id string) (n int64, err error) {
			err = w.Service.Do(ctx, c, func(s *object.Scope) error {
				out, err := notice.Read(ctx, s, id)
				if err == nil {
					n = out.Read
				}
				return err
			})
			return n, err
		}
		for i, want := range []int64{1, 0} {
			if n, err := mark(w.Member, seen[0]); n != want || err != nil {
				t.Errorf("marking it the %dth time: %d, %v", i+1, n, err)
			}
		}
		if _, err := mark(w.Max, seen[1]); problem(err) != string(api.CodeNotFound) {
			t.Errorf("somebody else marks it: %v", err)
		}
		if page := w.page(w.Member, true, "", 0); len(page.Items) != 4 || page.Unread != 4 {
			t.Errorf("%d unread listed, %d counted", len(page.Items), page.Unread)
		}
		w.do(w.Member, func(s *object.Scope) error {
			out, err := notice.ReadAll(ctx, s)
			if err == nil && out.Read != 4 {
				t.Errorf("%d marked", out.Read)
			}
			return err
		})
		if page := w.page(w.Member, true, "", 0); len(page.Items) != 0 || page.Unread != 0 {
			t.Errorf("%d unread listed, %d counted", len(page.Items), page.Unread)
		}
	})
}

// at moves the clock to an hour of the next day.
func (w *world) at(zone string, hour int) {
	w.t.Helper()
	place, err := time.LoadLocation(zone)
	if err != nil {
		w.t.Fatal(err)
	}
	now := w.Service.Clock().In(place)
	w.Advance(time.Date(now.Year(), now.Month(), now.Day()+1, hour, 30, 0, 0, place).Sub(now))
}

func (w *world) digest(replicas int) int {
	w.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	total := 0
	for range replicas {
		wg.Go(func() {
			n, err := (&notice.Worker{Service: w.Service}).Digest(ctx)
			if err != nil {
				w.t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			total += n
		})
	}
	wg.Wait()
	return total
}

// TestADigestComesOnceADayWithWhatIsUnread: over replicas, at the reader's hour (C084).
func TestADigestComesOnceADayWithWhatIsUnread(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const zone = "Asia/Tokyo"
		w.Put(t, w.Owner, api.NotificationPolicyKind, "", doc{"email_events": []string{"verdict"}, "digest_hour": 9, "digest_timezone": zone})
		w.prefer(w.Member, api.NotificationPreferences{Digest: "daily", Mutes: []string{"/quiet"}})
		w.prefer(w.Admin, api.NotificationPreferences{Digest: "daily"})
		w.Create(t, w.Owner, api.ProjectKind, doc{"path": "/quiet", "name": "Quiet", "team": "design", "owner": mia})
		w.at(zone, 7)
		w.asks(w.Owner, clip, mia, maxim, adam)
		w.asks(w.Owner, "/quiet", mia)
		w.record(w.Owner, "review.verdict_given", audit.Target{Kind: "review", ID: "rvw_1"}, doc{"item": clip, "verdict": "approved", "requested_by": "member:" + mia})
		w.tell()
		w.do(w.Admin, func(s *object.Scope) error { _, err := notice.ReadAll(ctx, s); return err })
		if got := w.mailed(); len(got) != 1 || count(got[mia], "verdict") != 1 {
			t.Errorf("mail at once: %v", got)
		}
		if n := w.digest(1); n != 0 {
			t.Errorf("%d digests before the hour", n)
		}
		w.Advance(2 * time.Hour)
		if n := w.digest(3); n != 1 {
			t.Errorf("%d digests by three replicas", n)
		}
		letters := mailtest.Outbox(t, w.Service)
		if len(letters) != 1 || letters[0].To != mia || letters[0].Member != w.Member.ID || letters[0].Subject != "acme: what you have not read" {
			t.Fatalf("letters: %+v", letters)
		}
		text := letters[0].Text
		if strings.Count(text, "asks you to review "+clip+".") != 1 || strings.Contains(text, "/quiet") || strings.Contains(text, "verdict") {
			t.Errorf("the digest holds what was muted or mailed, or not what is unread:\n%s", text)
		}
		// More on the same day waits for the next.
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.Advance(3 * time.Hour)
		if n := w.digest(2); n != 0 {
			t.Errorf("%d digests more on the same day", n)
		}
		w.at(zone, 8)
		if n := w.digest(1); n != 0 {
			t.Errorf("%d digests before the hour of the next day", n)
		}
		w.at(zone, 23) // the server was away for a while
		if n := w.digest(2); n != 1 {
			t.Errorf("%d digests on a day that was late", n)
		}
		w.at(zone, 9)
		if n := w.digest(1); n != 0 {
			t.Errorf("%d digests with nothing in them", n)
		}
	})
}

func TestADigestThatIsNotWantedAnyMoreDoesNotCome(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.NotificationPolicyKind, "", doc{"email_events": []string{}, "digest": "daily", "digest_hour": 0})
		w.asks(w.Owner, clip, mia, maxim, adam)
		w.tell()
		w.prefer(w.Member, api.NotificationPreferences{Digest: "off"})
		w.suspend(maxim)
		if n, m := w.digest(1), mailtest.Outbox(t, w.Service); n != 1 || len(m) != 1 || m[0].To != adam {
			t.Errorf("%d digests: %+v", n, m)
		}
		w.prefer(w.Member, api.NotificationPreferences{})
		w.Advance(24 * time.Hour)
		if n := w.digest(1); n != 0 {
			t.Errorf("%d digests with what was there before it was wanted", n)
		}
	})
}

// TestTheMakerOfALinkIsWarnedOnceOfItsEnd: once for each end that it has, whoever looks.
func TestTheMakerOfALinkIsWarnedOnceOfItsEnd(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.Put(t, w.Owner, api.NotificationPolicyKind, "", doc{"expiry_warning_days": 3})
		end := w.Service.Clock().Add(10 * 24 * time.Hour).UTC().Truncate(time.Second)
		l := w.link(w.Admin, "Spring cut for Acme", doc{"expires_at": end.Format(time.RFC3339)})
		warn := func(replicas int) (total int) {
			var mu sync.Mutex
			var wg sync.WaitGroup
			for range replicas {
				wg.Go(func() {
					n, err := w.Worker.Warn(ctx)
					if err != nil {
						t.Error(err)
					}
					mu.Lock()
					defer mu.Unlock()
					total += n
				})
			}
			wg.Wait()
			w.tell()
			return total
		}
		if n := warn(1); n != 0 {
			t.Errorf("%d warnings ten days before", n)
		}
		w.Advance(7*24*time.Hour + time.Minute)
		if n := warn(3); n != 1 {
			t.Errorf("%d warnings by three replicas", n)
		}
		w.Advance(time.Hour)
		if n := warn(1); n != 0 {
			t.Errorf("%d warnings again", n)
		}
		want := []string{`Your link "spring-cut-for-acme" on ` + clip + " ends on " + end.Format("2 January 2006, 15:04 UTC") + "."}
		if diff := cmp.Diff(want, w.inbox(w.Admin)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if got := w.mailed()[adam]; len(got) != 1 {
			t.Errorf("mail: %q", got)
		}
		later := end.Add(24 * time.Hour).Format(time.RFC3339)
		w.Put(t, w.Admin, api.ShareLinkKind, l.Key, doc{"resource": clip, "kind": "anyone", "name": l.Name, "expires_at": later})
		w.Advance(24 * time.Hour)
		if n := warn(1); n != 1 {
			t.Errorf("%d warnings of the new end", n)
		}
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		if n := warn(1); n != 0 {
			t.Errorf("%d warnings of a link that has gone", n)
		}
		if events := w.Events(t, audit.Filter{Action: "share_link.expiring"}); len(events) != 2 {
			t.Errorf("%d events", len(events))
		}
	})
}

func TestWhatNobodyNeedsIsPurged(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		rows := func(table string) int { return len(objecttest.Dump(t, w.DB)[table]) }
		purge := func() {
			t.Helper()
			if err := notice.Purge(ctx, w.Service); err != nil {
				t.Fatal(err)
			}
		}
		w.asks(w.Owner, clip, mia, maxim)
		w.tell()
		w.mailed()
		w.do(w.Member, func(s *object.Scope) error { _, err := notice.ReadAll(ctx, s); return err })
		w.Advance(89 * 24 * time.Hour)
		purge()
		if n, m := rows("notification"), rows("delivery"); n != 2 || m != 2 {
			t.Errorf("after 89 days %d notifications and %d deliveries are left", n, m)
		}
		w.Advance(2 * 24 * time.Hour)
		purge()
		if n, m := rows("notification"), rows("delivery"); n != 1 || m != 0 {
			t.Errorf("after 91 days %d notifications and %d deliveries are left, want the unread one", n, m)
		}
		w.Advance(365 * 24 * time.Hour)
		purge()
		if n := rows("notification"); n != 0 {
			t.Errorf("after a year %d notifications are left", n)
		}
	})
}

func TestNothingOutlivesTheWorkspace(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.prefer(w.Member, api.NotificationPreferences{Digest: "daily"})
		w.Create(t, w.Owner, api.NotificationChannelKind, doc{"name": "all", "type": "slack", "url_wo": "https://hooks.example.com/x", "events": []string{"review_requested"}})
		w.Put(t, w.Owner, api.NotificationPolicyKind, "", doc{"email_events": []string{}, "digest": "daily", "digest_hour": 0})
		w.look(w.Admin, w.link(w.Admin, "Spring cut for Acme", nil), "one")
		w.asks(w.Owner, clip, mia)
		w.tell()
		w.digest(1)
		tables := []string{"notification", "notification_preference", "log_cursor", "notice_digest", "notice_once", "delivery"}
		for _, table := range tables {
			if len(objecttest.Dump(t, w.DB)[table]) == 0 {
				t.Errorf("%s is empty: nothing is shown", table)
			}
		}
		w.Put(t, w.Owner, api.WorkspaceKind, "", doc{"slug": "acme", "name": "Acme", "deletion_protection": false})
		w.Delete(t, w.Owner, api.WorkspaceKind, "acme")
		w.Advance(31 * 24 * time.Hour)
		if gone, err := workspace.PurgeClosed(ctx, w.Service); len(gone) != 1 || err != nil {
			t.Fatalf("purged %v, %v", gone, err)
		}
		dump := objecttest.Dump(t, w.DB)
		for _, table := range tables {
			if len(dump[table]) != 0 {
				t.Errorf("%s outlives the workspace: %v", table, dump[table])
			}
		}
		w.tell() // and nobody trips over it
	})
}
