package sharing_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// use asks, as a caller, what somebody may do on an item, as a request of theirs would.
func (w *world) use(by *object.Caller, principal, path, permission string) {
	w.t.Helper()
	if err := w.Service.View(w.t.Context(), by, func(s *object.Scope) error {
		subject, err := s.Subject(w.t.Context(), principal)
		if err != nil {
			return err
		}
		item, err := s.Item(w.t.Context(), path)
		if err != nil {
			return err
		}
		s.Decided(subject, item, s.Engine().Check(subject, item, permission, &access.RequestContext{Time: s.Now}))
		return nil
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) flush(want int) {
	w.t.Helper()
	if n, err := w.Service.FlushGrantUses(w.t.Context()); err != nil || n != want {
		w.t.Errorf("wrote %d uses, %v; want %d", n, err, want)
	}
}

// lastAccess is what shares say of the grants, by whom they are for and the path.
func (w *world) lastAccess() map[string]time.Time {
	w.t.Helper()
	out := map[string]time.Time{}
	if err := w.Service.View(w.t.Context(), w.Owner, func(s *object.Scope) error {
		page, err := sharing.Shares(w.t.Context(), s, sharing.ShareFilter{})
		for _, sh := range page.Items {
			if sh.Type == "grant" && sh.LastAccessAt != nil {
				out[sh.Principals[0]+" "+sh.Resource] = *sh.LastAccessAt
			}
		}
		return err
	}); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) application() *object.Caller {
	w.t.Helper()
	w.Create(w.t, w.Owner, api.ServiceAccountKind, doc{"name": "app", "owner": w.Admin.Key, "workspace_role": "admin"})
	c := *w.Admin
	c.Kind, c.Key, c.ID = object.PrincipalServiceAccount, "app", "sa_app"
	return &c
}

func TestSharesSayWhenAGrantWasUsedLast(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		app := w.application()
		w.share(w.Admin, "/finance", "view")
		w.share(w.Admin, "/campaigns", "comment")
		w.grant("member:"+guest, "/finance", "view")
		w.grant("member:"+nobody, "/finance", "view")
		w.Create(t, w.Owner, api.RoleKind, doc{"name": "readers", "statements": []doc{{"effect": "allow", "permissions": []string{"asset.read"}}}})
		w.Create(t, w.Admin, api.AccessGrantKind, doc{"resource": "/campaigns", "principal": "member:" + guest, "role": "readers"})

		// What is no use: what is refused, what people of the organisation do, and what
		// somebody asks to know.
		w.use(app, "email:"+outsider, "/finance", "asset.update")
		w.use(app, "member:"+nobody, "/finance", "asset.read")
		w.use(w.Admin, "email:"+outsider, "/finance", "asset.read")
		w.flush(0)

		first := w.Service.Clock()
		w.use(app, "email:"+outsider, "/finance/quarterly", "asset.read")
		w.use(w.as(guest), "member:"+guest, "/finance", "asset.read")
		w.use(app, "member:"+guest, "/campaigns/spring", "asset.read")
		w.flush(3)
		got := w.lastAccess()
		for _, who := range []string{"email:" + outsider + " /finance", "member:" + guest + " /finance", "member:" + guest + " /campaigns"} {
			if at := got[who]; at.Sub(first).Abs() > time.Minute {
				t.Errorf("%s was used last at %v, want now", who, at)
			}
		}
		if len(got) != 3 {
			t.Errorf("used = %v", got)
		}

		// Once an hour is enough.
		w.use(app, "email:"+outsider, "/finance", "asset.read")
		w.flush(0)
		w.Advance(time.Hour)
		w.use(app, "email:"+outsider, "/finance", "asset.read")
		w.flush(1)
		if at := w.lastAccess()["email:"+outsider+" /finance"]; at.Sub(first) < 59*time.Minute {
			t.Errorf("used last at %v, want an hour after %v", at, first)
		}

		// Where the policy shows no use, there is none to see (C060, X09).
		w.open(doc{"track_external_views": false})
		if got := w.lastAccess(); len(got) != 0 {
			t.Errorf("shown: %v", got)
		}
	})
}

// A replica that writes late does not make a grant seem unused.
func TestLateWriteDoesNotTurnTheLastUseBack(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		app := w.application()
		w.share(w.Admin, "/finance", "view")
		here, late := w.Service, object.New(w.DB, w.Service.Vault, w.Service.Log)
		late.Clock = here.Clock
		w.Service = late
		w.use(app, "email:"+outsider, "/finance", "asset.read")
		w.Service = here
		w.Advance(2 * time.Hour)
		w.use(app, "email:"+outsider, "/finance", "asset.read")
		w.flush(1)
		newest := w.lastAccess()
		w.Service = late
		w.flush(1)
		w.Service = here
		if got := w.lastAccess(); fmt.Sprint(got) != fmt.Sprint(newest) {
			t.Errorf("last use = %v, want %v", got, newest)
		}
	})
}

func TestUsesGoWithTheirGrants(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		app := w.application()
		g := w.share(w.Admin, "/finance", "view")
		w.grant("member:"+guest, "/finance", "view")
		w.use(app, "email:"+outsider, "/finance", "asset.read")
		w.use(app, "member:"+guest, "/finance", "asset.read")
		w.flush(2)
		w.Delete(t, w.Admin, api.AccessGrantKind, g.ID)
		if err := w.Service.PurgeGrantUses(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := w.rows("grant_use"); n != 1 {
			t.Errorf("%d uses are left, want that of the grant that is left", n)
		}
	})
}

func TestUsesOfParallelRequestsAreAllWritten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.open(nil)
		app := w.application()
		paths := []string{"/finance", "/finance/quarterly", "/campaigns", "/campaigns/spring"}
		for _, path := range paths {
			w.share(w.Admin, path, "view")
		}
		var wg sync.WaitGroup
		for range 4 {
			for _, path := range paths {
				wg.Go(func() { w.use(app, "email:"+outsider, path, "asset.read") })
			}
		}
		wg.Wait()
		w.flush(len(paths))
		if got := w.lastAccess(); len(got) != len(paths) {
			t.Errorf("used = %v", got)
		}
	})
}
