package sharing_test

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// patience ends a test that would wait for ever; nothing is measured by it.
const patience = time.Minute

// holdHashing keeps everybody from hashing passwords until release.
func (w *world) holdHashing() (release func()) {
	w.t.Helper()
	release = sync.OnceFunc(sharing.HoldHashing())
	w.t.Cleanup(release)
	return release
}

// writes makes a change while a password waits to be hashed. Where the change waits for
// that, the test ends with it.
func (w *world) writes(path string) {
	w.t.Helper()
	done := make(chan error, 1)
	go func() {
		_, err := w.Service.Create(ctx, w.Owner, api.FolderKind, objecttest.JSON(w.t, doc{"path": path}), object.WriteOptions{})
		done <- err
	}()
	select {
	case err := <-done:
		if err != nil {
			w.t.Fatalf("a write while a password is hashed: %v", err)
		}
	case <-time.After(patience):
		w.t.Fatal("a write waits while a password is hashed")
	}
}

// answered is what a door gets from EnterLink.
type answered struct {
	session string
	next    *sharing.Landing
	err     error
}

// A visitor's password is verified between two transactions: others write meanwhile.
// The try was counted in the first, and the second looks at the link anew.
func TestWritesDoNotWaitForAPasswordThatIsVerified(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		d := doc{"password_wo": thePassword, "password_wo_version": 1}
		l := w.link("/finance", "anyone", d)
		token := w.token(l)
		tries := func() (n int) {
			w.read(`SELECT COALESCE(MAX(attempts), 0) FROM link_throttle WHERE subject = 'try/`+l.ID+`'`, &n)
			return n
		}
		for i, c := range []struct {
			name      string
			meanwhile func()
			want      func(answered) bool
		}{
			{"nothing happens", func() {}, func(a answered) bool { return a.session != "" }},
			{"the password is taken away", func() {
				w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", nil))
			}, func(a answered) bool { return a.session == "" && a.next.Problem == sharing.ProblemChanged }},
			{"the link is revoked", func() { w.Delete(t, w.Admin, api.ShareLinkKind, l.ID) }, func(a answered) bool { return a.session == "" && a.next.Closed == sharing.ClosedRevoked }},
		} {
			w.sql(`DELETE FROM link_throttle WHERE workspace_id = $1`, w.Workspace.ID)
			w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", d))
			release := w.holdHashing()
			done := make(chan answered, 1)
			go func() {
				session, next, err := sharing.EnterLink(ctx, w.Service, token, browser, sharing.Answer{Password: thePassword})
				done <- answered{session, next, err}
			}()
			// Nothing but hashing is left to do once the try has been counted.
			for end := time.Now().Add(patience); tries() == 0; {
				if time.Now().After(end) {
					t.Fatal("the try is not counted before the password is verified")
				}
			}
			w.writes(fmt.Sprintf("/meanwhile-%d", i))
			c.meanwhile()
			select {
			case a := <-done:
				t.Fatalf("answered without looking at the password: %+v", a)
			default:
			}
			release()
			if a := <-done; a.err != nil || !c.want(a) {
				t.Errorf("%s: session %t, %+v, %v", c.name, a.session != "", a.next, a.err)
			}
		}
	})
}

// A password that is set is hashed outside of a transaction too, and everything is
// checked again before it is kept.
func TestWritesDoNotWaitForAPasswordThatIsSet(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		l := w.link("/finance", "anyone", nil)
		set := func() <-chan error {
			done := make(chan error, 1)
			go func() {
				_, err := w.Service.Put(ctx, w.Admin, api.ShareLinkKind, l.ID, objecttest.JSON(t, linkDoc("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1})), object.WriteOptions{})
				done <- err
			}()
			return done
		}
		// A transaction that has begun has asked what time it is.
		clock := w.Service.Clock
		var begun atomic.Pointer[chan struct{}]
		w.Service.Clock = func() time.Time {
			if c := begun.Swap(nil); c != nil {
				close(*c)
			}
			return clock()
		}
		start := func() (release func(), done <-chan error) {
			release = w.holdHashing()
			c := make(chan struct{})
			begun.Store(&c)
			done = set()
			<-c
			return release, done
		}
		release, done := start()
		w.writes("/meanwhile")
		release()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		token := w.token(l)
		w.wantLanding(token, "", sharing.NeedsPassword)
		if session, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); session == "" {
			t.Errorf("the password that was set: %+v", next)
		}
		w.Put(t, w.Admin, api.ShareLinkKind, l.ID, linkDoc("/finance", "anyone", nil))

		release, done = start()
		w.Delete(t, w.Admin, api.ShareLinkKind, l.ID)
		release()
		objecttest.WantProblem(t, <-done, api.CodeNotFound)
		var left int
		if w.read(`SELECT COUNT(*) FROM link_password`, &left); left != 0 {
			t.Errorf("%d passwords are kept of a link that is gone", left)
		}
	})
}

// Tries that are sent at once, to two replicas, are counted before any is compared.
func TestGuessesAtOnceDoNotEscapeTheThrottle(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		replicas := []*object.Service{w.Service, w.replica()}
		problems := make(chan string, 24)
		var all sync.WaitGroup
		for i := range cap(problems) {
			all.Go(func() {
				_, next, err := sharing.EnterLink(ctx, replicas[i%2], token, browser, sharing.Answer{Password: fmt.Sprint("guess ", i)})
				if err != nil {
					t.Errorf("guess %d: %v", i, err)
					return
				}
				problems <- next.Problem
			})
		}
		all.Wait()
		close(problems)
		got := map[string]int{}
		for p := range problems {
			got[p]++
		}
		if got[sharing.ProblemWrong] != 10 || got[sharing.ProblemThrottled] != 14 {
			t.Errorf("answers: %v, want ten that were looked at and fourteen that were not", got)
		}
		if session, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); session != "" || next.Problem != sharing.ProblemThrottled {
			t.Errorf("the right password after them: %+v", next)
		}
		w.Advance(15 * time.Minute)
		if session, next := w.enter(token, browser, sharing.Answer{Password: thePassword}); session == "" {
			t.Errorf("a quarter of an hour later: %+v", next)
		}
	})
}

// A replica whose clock is behind begins no window anew.
func TestClocksThatDifferGiveNoMoreTries(t *testing.T) {
	linkWorld(t, func(t *testing.T, w *world) {
		token := w.token(w.link("/finance", "anyone", doc{"password_wo": thePassword, "password_wo_version": 1}))
		late := w.replica()
		late.Clock = func() time.Time { return w.Service.Clock().Add(-30 * time.Second) }
		for i := range 12 {
			_, next, err := sharing.EnterLink(ctx, []*object.Service{w.Service, late}[i%2], token, browser, sharing.Answer{Password: "a wrong one"})
			if want := map[bool]string{true: sharing.ProblemWrong, false: sharing.ProblemThrottled}[i < 10]; err != nil || next.Problem != want {
				t.Errorf("guess %d: %+v, %v, want %s", i+1, next, err, want)
			}
		}
	})
}
