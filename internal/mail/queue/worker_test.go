package queue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/queue"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
)

var ctx = context.Background()

func add(t *testing.T, f *objecttest.Fixture, body string, o queue.Options) {
	t.Helper()
	err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
		_, err := queue.Add(ctx, s, "test", body, o)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// sink counts what arrives.
type sink struct {
	mu   sync.Mutex
	got  map[string]int
	fail error
	hold func()
}

func (s *sink) route() map[string]queue.Route {
	return map[string]queue.Route{"test": {Deliver: func(_ context.Context, item queue.Item) error {
		var body string
		if err := json.Unmarshal(item.Body, &body); err != nil {
			return err
		}
		if s.hold != nil {
			s.hold()
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.got == nil {
			s.got = map[string]int{}
		}
		s.got[body]++
		return s.fail
	}}}
}

func once(t *testing.T, w *queue.Worker) int {
	t.Helper()
	n, err := w.Once(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestWorkersNeverTakeTheSameMessage(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		const messages, workers = 90, 3
		for i := range messages {
			add(t, f, fmt.Sprint(i), queue.Options{})
		}
		s := &sink{}
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() { once(t, &queue.Worker{Service: f.Service, Routes: s.route()}) })
		}
		wg.Wait()
		if len(s.got) != messages {
			t.Errorf("%d of %d arrived", len(s.got), messages)
		}
		for body, n := range s.got {
			if n != 1 {
				t.Errorf("%s arrived %d times", body, n)
			}
		}
	})
}

func TestAMessageIsHeldWhileItsLeaseRuns(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		add(t, f, "slow", queue.Options{})
		other := &queue.Worker{Service: f.Service, Routes: (&sink{}).route()}
		s := &sink{hold: func() {
			f.Advance(4 * time.Minute)
			if once(t, other) != 0 {
				t.Error("another worker took it meanwhile")
			}
			f.Advance(2 * time.Minute) // as if this worker had died
			if once(t, other) != 1 {
				t.Error("no other worker takes what a dead one held")
			}
		}}
		once(t, &queue.Worker{Service: f.Service, Routes: s.route()})
		f.Advance(time.Hour)
		if once(t, other) != 0 {
			t.Error("the worker that came back late put it into the queue again")
		}
	})
}

func TestPausesGrow(t *testing.T) {
	f := objecttest.New(t, "sqlite")
	now := time.Now()
	f.Service.Clock = func() time.Time { return now }
	add(t, f, "x", queue.Options{})
	s := &sink{fail: errors.New("busy")}
	w := &queue.Worker{Service: f.Service, Routes: s.route()}
	once(t, w)
	for _, pause := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, 32 * time.Minute, time.Hour, time.Hour} {
		now = now.Add(pause - time.Second)
		if once(t, w) != 0 {
			t.Errorf("tried before %s have passed", pause)
		}
		now = now.Add(time.Second)
		if once(t, w) != 1 {
			t.Errorf("not tried after %s", pause)
		}
	}
	if s.got["x"] != 10 {
		t.Errorf("%d attempts", s.got["x"])
	}
}

func TestNothingReachesTheSuspendedOrComesTooLate(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		add(t, f, "to a member", queue.Options{Member: f.Admin.ID})
		add(t, f, "to somebody suspended", queue.Options{Member: f.Member.ID})
		add(t, f, "to nobody", queue.Options{Member: "mem_gone"})
		add(t, f, "in time", queue.Options{Until: f.Service.Clock().Add(11 * time.Minute)})
		add(t, f, "too late", queue.Options{Until: f.Service.Clock().Add(9 * time.Minute)})
		err := f.Service.Do(ctx, object.System(f.Workspace.ID), func(s *object.Scope) error {
			return people.Suspend(ctx, s, objecttest.MemberEmail, "leaver")
		})
		if err != nil {
			t.Fatal(err)
		}
		f.Advance(10 * time.Minute)
		s := &sink{}
		once(t, &queue.Worker{Service: f.Service, Routes: s.route()})
		if len(s.got) != 2 || s.got["to a member"] != 1 || s.got["in time"] != 1 {
			t.Errorf("arrived: %v", s.got)
		}
		if n := len(f.Events(t, audit.Filter{Action: "test.failed"})); n != 3 {
			t.Errorf("%d events tell of the others", n)
		}
	})
}

func TestAStoppedWorkerGivesItsMessagesBack(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		add(t, f, "x", queue.Options{})
		stopping, stop := context.WithCancel(ctx)
		w := &queue.Worker{Service: f.Service, Routes: map[string]queue.Route{"test": {Deliver: func(ctx context.Context, _ queue.Item) error {
			stop()
			<-ctx.Done()
			return ctx.Err()
		}}}}
		if _, err := w.Once(stopping); err != nil {
			t.Fatal(err)
		}
		s := &sink{}
		if n := once(t, &queue.Worker{Service: f.Service, Routes: s.route()}); n != 1 || s.got["x"] != 1 {
			t.Errorf("the next worker tried %d", n)
		}
	})
}

func TestWhatIsQueuedForAPersonCanBeForgotten(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		add(t, f, "hers", queue.Options{Member: f.Member.ID})
		add(t, f, "his", queue.Options{Member: f.Admin.ID})
		err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
			_, err := s.Forget(ctx, &object.Person{Addresses: []string{f.Member.Key}, Member: f.Member.ID, Token: "erased:test"})
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		left, err := queue.Waiting(ctx, f.Service, "test")
		if err != nil || len(left) != 1 || !strings.Contains(string(left[0].Body), "his") {
			t.Errorf("left: %v, %v", left, err)
		}
	})
}

func TestWhatIsQueuedAboutAPersonIsMaskedAndToThemDeleted(t *testing.T) {
	objecttest.Each(t, func(t *testing.T, f *objecttest.Fixture) {
		err := f.Service.Do(ctx, f.Owner, func(s *object.Scope) error {
			for _, to := range []string{"ines@example.com", "owner@example.com"} {
				if _, err := queue.Add(ctx, s, "test", map[string]string{"to": to, "text": "About Ines@example.com."}, queue.Options{}); err != nil {
					return err
				}
			}
			p := &object.Person{Addresses: []string{"ines@example.com"}, Token: "erased:test"}
			held, err := s.Holdings(ctx, p)
			if err != nil || len(held) != 1 || held[0].Count != 2 {
				t.Errorf("held: %+v, %v", held, err)
			}
			_, err = s.Forget(ctx, p)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		left, err := queue.Waiting(ctx, f.Service, "test")
		if err != nil || len(left) != 1 || string(left[0].Body) != `{"text":"About erased:test.","to":"owner@example.com"}` {
			t.Errorf("left: %+v, %v", left, err)
		}
	})
}
