package client

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// members is a tiny server of one collection that counts what it is asked.
type members struct {
	lists, gets atomic.Int64
	failLists   atomic.Int64
	version     atomic.Int64
	total       int
}

func (m *members) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	key, single := strings.CutPrefix(r.URL.Path, "/v1/workspaces/w/members/")
	switch {
	case single && strings.HasPrefix(key, "p"):
		m.gets.Add(1)
		answer(w, 200, map[string]any{"key": key, "display_name": fmt.Sprint("v", m.version.Load())})
	case single:
		m.gets.Add(1)
		answer(w, 0, api.NewProblem(api.CodeNotFound, "no such member"))
	case m.failLists.Add(-1) >= 0:
		answer(w, 0, api.NewProblem(api.CodeInternal, "broken"))
	default:
		m.lists.Add(1)
		servePage(w, r, m.total)
	}
}

func TestSnapshotListsOnceForManyReaders(t *testing.T) {
	srv := &members{total: 1200}
	s := NewSnapshot(start(t, srv.ServeHTTP, nil))
	var wg sync.WaitGroup
	for i := range 1200 {
		wg.Go(func() {
			want := fmt.Sprintf("p%d@example.com", i)
			doc, err := s.Get(t.Context(), "w", api.MemberKind, strings.ToUpper(want))
			if err != nil || doc.Key() != want {
				t.Errorf("%v, %v", doc, err)
			}
		})
	}
	wg.Wait()
	if srv.lists.Load() != 3 || srv.gets.Load() != 0 {
		t.Errorf("%d pages and %d single reads", srv.lists.Load(), srv.gets.Load())
	}
}

func TestSnapshotConfirmsAMiss(t *testing.T) {
	srv := &members{total: 10}
	s := NewSnapshot(start(t, srv.ServeHTTP, nil))
	if _, err := s.Get(t.Context(), "w", api.MemberKind, "nobody@example.com"); !IsNotFound(err) {
		t.Error(err)
	}
	if doc, err := s.Get(t.Context(), "w", api.MemberKind, "p99@example.com"); err != nil || doc.Key() != "p99@example.com" {
		t.Errorf("%v, %v", doc, err)
	}
	if srv.gets.Load() != 2 {
		t.Errorf("%d single reads", srv.gets.Load())
	}
}

func TestSnapshotForgetsErrors(t *testing.T) {
	srv := &members{total: 10}
	srv.failLists.Store(1)
	s := NewSnapshot(start(t, srv.ServeHTTP, nil))
	if _, err := s.Get(t.Context(), "w", api.MemberKind, "p1@example.com"); !IsCode(err, api.CodeInternal) {
		t.Errorf("first read: %v", err)
	}
	if _, err := s.Get(t.Context(), "w", api.MemberKind, "p1@example.com"); err != nil {
		t.Errorf("second read: %v", err)
	}
}

func TestSnapshotReadsAnewAfterAWrite(t *testing.T) {
	srv := &members{total: 10}
	s := NewSnapshot(start(t, srv.ServeHTTP, nil))
	if doc, err := s.Get(t.Context(), "w", api.MemberKind, "p1@example.com"); err != nil || doc.text("display_name") != "" {
		t.Fatalf("%v, %v", doc, err)
	}
	srv.version.Store(2)
	s.Evict()
	if doc, err := s.Get(t.Context(), "w", api.MemberKind, "p1@example.com"); err != nil || doc.text("display_name") != "v2" {
		t.Errorf("%v, %v", doc, err)
	}
}

func TestSnapshotServesOthersWhenTheFirstReaderGivesUp(t *testing.T) {
	srv := &members{total: 10}
	entered, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		once.Do(func() { close(entered); <-release })
		srv.ServeHTTP(w, r)
	}, nil)
	s := NewSnapshot(c)
	first, giveUp := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.Get(first, "w", api.MemberKind, "p1@example.com"); err == nil {
			t.Error("the cancelled reader got an answer")
		}
	})
	<-entered
	wg.Go(func() {
		if _, err := s.Get(t.Context(), "w", api.MemberKind, "p2@example.com"); err != nil {
			t.Errorf("second reader: %v", err)
		}
	})
	giveUp()
	close(release)
	wg.Wait()
}

func TestSnapshotStaysCoherentUnderConcurrentWrites(t *testing.T) {
	srv := &members{total: 50}
	s := NewSnapshot(start(t, srv.ServeHTTP, nil))
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			if i == 20 {
				srv.version.Store(9)
				s.Evict()
			}
			if _, err := s.Get(t.Context(), "w", api.MemberKind, fmt.Sprintf("p%d@example.com", i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if doc, err := s.Get(t.Context(), "w", api.MemberKind, "p3@example.com"); err != nil || doc.text("display_name") != "v9" {
		t.Errorf("after the write: %v, %v", doc, err)
	}
}
