package server_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

const checkBody = `{"principal":"member:member@example.com","permission":"team.read"}`

// BenchmarkCheckOverHTTP is one decision asked by HTTP: client, server and store in
// one process. The goal is a ratio (DESIGN.md section 12) that internal/bench prints;
// this is where to count what a request allocates and what the processor does.
func BenchmarkCheckOverHTTP(b *testing.B) {
	in := servertest.Start(b)
	ask(b, func() *http.Request {
		req, _ := http.NewRequest(http.MethodPost, in.URL+"/v1/workspaces/acme/access/check", strings.NewReader(checkBody))
		req.Header.Set("Authorization", "Bearer "+in.OwnerToken)
		req.Header.Set("Content-Type", "application/json")
		return req
	})
}

// ask sends requests one after the other and reports processor time beside the clock's.
func ask(b *testing.B, request func() *http.Request) {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	start := used(b)
	n := 0
	for b.Loop() {
		n++
		res, err := client.Do(request())
		if err != nil {
			b.Fatal(err)
		}
		answer, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode >= 300 {
			b.Fatalf("%s\n%s", res.Status, answer)
		}
	}
	b.ReportMetric(float64(used(b)-start)/float64(n), "cpu-ns/op")
}

func used(b *testing.B) time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkBareHandler is the floor of BenchmarkCheckOverHTTP: the same request to a
// handler that decodes JSON and answers a constant.
func BenchmarkBareHandler(b *testing.B) {
	bare := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var q map[string]any
		if json.NewDecoder(r.Body).Decode(&q) != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"allowed": true, "permission": q["permission"]})
	}))
	b.Cleanup(bare.Close)
	ask(b, func() *http.Request {
		req, _ := http.NewRequest(http.MethodPost, bare.URL, strings.NewReader(checkBody))
		req.Header.Set("Content-Type", "application/json")
		return req
	})
}
