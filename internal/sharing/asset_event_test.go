package sharing_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func (w *world) report(by *object.Caller, events ...api.AssetEvent) (int, error) {
	var n int
	err := w.Service.Do(context.Background(), by, func(s *object.Scope) (err error) {
		n, err = sharing.ReportAssetEvents(context.Background(), s, api.AssetEvents{Events: events})
		return err
	})
	return n, err
}

// media is the service account of the application that holds the media.
func (w *world) media() *object.Caller {
	w.Create(w.t, w.Owner, api.ServiceAccountKind, doc{"name": "media", "owner": objecttest.OwnerEmail, "workspace_role": "admin"})
	c := *w.Admin
	c.Kind, c.Key, c.ID = object.PrincipalServiceAccount, "media", "sva_media"
	c.TokenID, c.Scopes = "atok_media", []string{"asset_event.write"}
	return &c
}

// C046: uploads, downloads and deletions are in the audit log, under who did them.
func TestWhatHappensToAssetsElsewhereIsInTheAuditLog(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		media := w.media()
		w.asset("/finance/report", doc{"legal_hold": true})
		earlier := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
		n, err := w.report(media,
			api.AssetEvent{Asset: "/Finance/Report", Action: "downloaded", Actor: "member:" + designer, IP: "192.0.2.7", Device: "Firefox", At: &earlier},
			api.AssetEvent{Asset: "/finance/report", Action: "deleted", Actor: "email:eve@partner.example"},
			api.AssetEvent{Asset: "/campaigns/unknown", Action: "uploaded"},
			api.AssetEvent{Asset: "/finance/other", Action: "viewed", Actor: "service_account:media"})
		if err != nil || n != 4 {
			t.Fatalf("recorded %d events: %v", n, err)
		}
		type seen struct{ action, actor, target, ip, device, reasons string }
		var got []seen
		registered := map[string]bool{}
		for _, e := range w.Events(t, audit.Filter{Family: audit.FamilyAssets}) {
			if e.Actor.TokenID != "atok_media" {
				continue
			}
			registered[e.Target.Key] = e.Target.ID != ""
			got = append(got, seen{e.Action, e.Actor.Kind + ":" + e.Actor.Key, e.Target.Key, e.IP, e.Device, strings.Join(e.Reasons, "; ")})
			if e.Action == audit.ActionAssetDownloaded && !e.Time.Equal(earlier) {
				t.Errorf("time of the download = %s, want %s", e.Time, earlier)
			}
			if e.Action == audit.ActionAssetDownloaded && e.Actor.ID == "" {
				t.Error("the member who downloaded has no id")
			}
		}
		slices.SortFunc(got, func(a, b seen) int { return strings.Compare(a.action, b.action) })
		want := []seen{
			{"asset.deleted", "email:eve@partner.example", "/finance/report", "", "", "handed in by service_account:media; the asset is under legal hold"},
			{"asset.downloaded", "member:" + designer, "/finance/report", "192.0.2.7", "Firefox", "handed in by service_account:media"},
			{"asset.uploaded", "service_account:media", "/campaigns/unknown", "", "", "handed in by service_account:media; the asset is not registered here"},
			{"asset.viewed", "service_account:media", "/finance/other", "", "", "handed in by service_account:media"},
		}
		opts := cmp.AllowUnexported(seen{})
		if diff := cmp.Diff(want, got, opts); diff != "" {
			t.Errorf("events (-want +got):\n%s", diff)
		}
		if diff := cmp.Diff(map[string]bool{"/finance/report": true, "/finance/other": true, "/campaigns/unknown": false}, registered); diff != "" {
			t.Errorf("targets with an id (-want +got):\n%s", diff)
		}
		// C049: an auditor finds the download by who did it.
		if found := w.Events(t, audit.Filter{Actor: designer, Action: audit.ActionAssetDownloaded}); len(found) != 1 {
			t.Errorf("%d downloads of the designer, want 1", len(found))
		}
	})
}

func TestEventsOfAssetsAreKeptAllOrNone(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		media := w.media()
		good := api.AssetEvent{Asset: "/finance/report", Action: "viewed"}
		future, old := time.Now().Add(time.Hour), time.Now().AddDate(0, 0, -8)
		for name, c := range map[string]struct {
			event api.AssetEvent
			at    string
			says  string
		}{
			"no path":         {api.AssetEvent{Asset: "report", Action: "viewed"}, "/events/1/asset", "not an item path"},
			"the root":        {api.AssetEvent{Asset: "/", Action: "viewed"}, "/events/1/asset", "workspace itself"},
			"unknown action":  {api.AssetEvent{Asset: "/finance/report", Action: "stolen"}, "/events/1/action", "downloaded"},
			"no principal":    {api.AssetEvent{Asset: "/finance/report", Action: "viewed", Actor: "ann"}, "/events/1/actor", "member:ann@example.com"},
			"a team":          {api.AssetEvent{Asset: "/finance/report", Action: "viewed", Actor: "team:design"}, "/events/1/actor", "only people"},
			"unknown member":  {api.AssetEvent{Asset: "/finance/report", Action: "viewed", Actor: "member:eve@example.net"}, "/events/1/actor", "email:"},
			"unknown account": {api.AssetEvent{Asset: "/finance/report", Action: "viewed", Actor: "service_account:eve"}, "/events/1/actor", "service_account"},
			"no address":      {api.AssetEvent{Asset: "/finance/report", Action: "viewed", IP: "example.com"}, "/events/1/ip", "192.0.2.7"},
			"a long device":   {api.AssetEvent{Asset: "/finance/report", Action: "viewed", Device: strings.Repeat("x", 201)}, "/events/1/device", "200"},
			"in the future":   {api.AssetEvent{Asset: "/finance/report", Action: "viewed", At: &future}, "/events/1/at", "future"},
			"too long ago":    {api.AssetEvent{Asset: "/finance/report", Action: "viewed", At: &old}, "/events/1/at", "7 days"},
		} {
			_, err := w.report(media, good, c.event)
			v := objecttest.WantViolation(t, err, c.at)
			if !strings.Contains(v.Message, c.says) {
				t.Errorf("%s: message %q does not say %q", name, v.Message, c.says)
			}
		}
		_, err := w.report(media)
		objecttest.WantViolation(t, err, "/events")
		_, err = w.report(media, slices.Repeat([]api.AssetEvent{good}, api.MaxAssetEvents+1)...)
		objecttest.WantViolation(t, err, "/events")
		if kept := w.Events(t, audit.Filter{Action: "asset.viewed"}); len(kept) != 0 {
			t.Errorf("%d events of refused calls were kept", len(kept))
		}
		if n, err := w.report(media, slices.Repeat([]api.AssetEvent{good}, api.MaxAssetEvents)...); n != api.MaxAssetEvents || err != nil {
			t.Errorf("a full call recorded %d events: %v", n, err)
		}
	})
}

func TestOnlyWhoMayHandsInEventsOfAssets(t *testing.T) {
	withReel(t, func(t *testing.T, w *world) {
		event := api.AssetEvent{Asset: "/finance/report", Action: "viewed"}
		narrow := *w.media()
		narrow.Scopes = []string{"asset_record.*", "asset.*"}
		for name, by := range map[string]*object.Caller{"a member": w.as(designer), "a guest": w.as(guest), "a token for something else": &narrow} {
			if _, err := w.report(by, event); err == nil {
				t.Errorf("%s handed in an event", name)
			} else {
				objecttest.WantProblem(t, err, api.CodeForbidden)
			}
		}
		if kept := w.Events(t, audit.Filter{Action: "asset.viewed"}); len(kept) != 0 {
			t.Errorf("%d events were kept", len(kept))
		}
	})
}
