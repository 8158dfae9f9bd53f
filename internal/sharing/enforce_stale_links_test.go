package sharing_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

func (w *world) stale(by *object.Caller, do func(context.Context, *object.Caller, func(*object.Scope) error) error, q sharing.Stale) (map[string]string, error) {
	w.t.Helper()
	found := map[string]string{}
	err := do(ctx, by, func(s *object.Scope) error {
		out, err := sharing.RevokeStaleLinks(ctx, s, q)
		if err != nil {
			return err
		}
		clear(found)
		for _, l := range out.Items {
			found[l.Name] = l.Reason
		}
		if out.Revoked != len(found) || !out.Complete {
			w.t.Errorf("stale links: %+v", out)
		}
		return nil
	})
	return found, err
}

func TestStaleLinksAreRevoked(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		w.linkPolicy(doc{"max_link_expiration_days": 400, "default_link_expiration_days": 400})
		w.link("/finance", "anyone", doc{"name": "Short lived", "expires_at": in(10)})
		w.link("/finance", "anyone", doc{"name": "Never used"})
		busy := w.link("/campaigns", "anyone", doc{"name": "In use"})
		token := w.token(busy)
		w.grant("member:"+designer, "/campaigns", "manage")
		w.Create(t, w.as(designer), api.ShareLinkKind, linkDoc("/campaigns", "recipient", doc{"name": "Of a leaver", "recipients": []string{objecttest.MemberEmail}}))
		w.sql(`UPDATE member SET active = 0 WHERE workspace_id = $1 AND key = $2`, w.Workspace.ID, designer)
		w.Advance(60 * 24 * time.Hour)
		session, _ := w.enter(token, browser, sharing.Answer{})
		w.visit(session, browser)
		w.Advance(12 * time.Hour)

		all := sharing.Stale{UnusedDays: 30, Expired: true, MakerGone: true}
		want := map[string]string{"Short lived": api.StaleExpired, "Never used": api.StaleUnused, "Of a leaver": api.StaleMakerGone}
		for name, c := range map[string]struct {
			q    sharing.Stale
			want map[string]string
		}{
			"all":        {all, want},
			"expired":    {sharing.Stale{Expired: true}, map[string]string{"Short lived": api.StaleExpired}},
			"maker gone": {sharing.Stale{MakerGone: true}, map[string]string{"Of a leaver": api.StaleMakerGone}},
			"unused":     {sharing.Stale{UnusedDays: 61}, map[string]string{}},
			"an item":    {sharing.Stale{UnusedDays: 30, Resource: "/finance"}, map[string]string{"Short lived": api.StaleUnused, "Never used": api.StaleUnused}},
		} {
			got, err := w.stale(w.Admin, w.Service.Try, c.q)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("%s: %v %s", name, err, diff)
			}
		}
		if got, err := w.stale(w.Admin, w.Service.Do, all); err != nil || len(got) != 3 {
			t.Fatalf("revoking: %v, %v", got, err)
		}
		if got, err := w.stale(w.Admin, w.Service.Do, all); err != nil || len(got) != 0 {
			t.Errorf("again: %v, %v", got, err)
		}
		w.visit(session, browser)
		var open []string
		for _, key := range w.keys(w.Owner, api.ShareLinkKind) {
			if l := w.Get(t, w.Owner, api.ShareLinkKind, key).(*api.ShareLink); l.State == api.LinkActive {
				open = append(open, l.Name)
			}
		}
		if !slices.Equal(open, []string{"In use"}) {
			t.Errorf("open links: %v", open)
		}
		_, err := w.stale(w.Admin, w.Service.Do, sharing.Stale{})
		objecttest.WantViolation(t, err, "")
		_, err = w.stale(w.Admin, w.Service.Do, sharing.Stale{UnusedDays: -1})
		objecttest.WantViolation(t, err, "/unused_days")
		_, err = w.stale(w.Member, w.Service.Do, all)
		objecttest.WantProblem(t, err, api.CodeForbidden)
	})
}
