package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
)

func TestThePusherComesAgainWhenThereAreTooMany(t *testing.T) {
	var asked atomic.Int64
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte(`{"id":"mem_1"}`))
	}))
	defer door.Close()
	p := &pusher{base: door.URL, client: door.Client(), users: make([]string, 1)}
	if err := p.pushUser(t.Context(), 0); err != nil {
		t.Fatal(err)
	}
	if p.users[0] != "mem_1" || p.throttled.Load() != 1 {
		t.Errorf("got %q after %d refusals", p.users[0], p.throttled.Load())
	}
}

func TestAListThatEndsEarlyIsAnError(t *testing.T) {
	door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("startIndex") == "1" {
			_, _ = w.Write([]byte(`{"totalResults":3,"Resources":[{"id":"a"},{"id":"b"}]}`))
			return
		}
		_, _ = w.Write([]byte(`{"totalResults":3,"Resources":[]}`))
	}))
	defer door.Close()
	p := &pusher{base: door.URL, client: door.Client()}
	err := p.byIndex(t.Context(), "/Users", 2, func(*listed) {})
	if err == nil || !strings.Contains(err.Error(), "before 3 of 3") {
		t.Errorf("got %v", err)
	}
}

func TestWhatIsMissingAndWhatIsStrangeIsTold(t *testing.T) {
	want := map[string]bool{"a": true, "b": true}
	if got := difference(want, map[string]bool{"b": true, "a": true}); got != "nothing lost" {
		t.Errorf("got %q", got)
	}
	if got := difference(want, map[string]bool{"b": true, "c": true, "d": true}); got != "1 LOST, 2 TOO MANY" {
		t.Errorf("got %q", got)
	}
}

func TestMemoryAndProcessorAreReadFromTheKernel(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("Linux alone tells what a process held at its highest")
	}
	p := &process{pid: os.Getpid()}
	m, known := p.memory()
	if !known || m.now <= 0 || m.peak < m.now {
		t.Errorf("memory: %+v %v", m, known)
	}
	if _, known := (&process{pid: -1}).memory(); known {
		t.Error("a process that does not exist holds memory")
	}
}
