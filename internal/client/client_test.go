package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

const testToken = "gh_test_0123456789"

func start(t *testing.T, handler http.HandlerFunc, change func(*Config)) *Client {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	cfg := Config{
		Endpoint: srv.URL, Token: testToken, Timeout: 5 * time.Second,
		Retry: RetryPolicy{MaxAttempts: 4, MinWait: time.Millisecond, MaxWait: 5 * time.Millisecond},
	}
	if change != nil {
		change(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	if p, ok := body.(*api.Problem); ok {
		w.Header().Set("Content-Type", "application/problem+json")
		status = p.Status
	}
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

func TestConfigRefusesWhatWouldLeakTheToken(t *testing.T) {
	for _, endpoint := range []string{"http://gatehouse.example.com", "gatehouse.example.com", "ftp://x", "", "https://user:pw@example.com", "https://example.com?x=1"} {
		if _, err := New(Config{Endpoint: endpoint, Token: testToken}); err == nil {
			t.Errorf("endpoint %q was accepted", endpoint)
		} else if strings.Contains(err.Error(), testToken) {
			t.Errorf("the error repeats the token: %v", err)
		}
	}
	for _, token := range []string{"", "a b", "a\nb"} {
		if _, err := New(Config{Endpoint: "https://gatehouse.example.com", Token: token}); err == nil {
			t.Errorf("token %q was accepted", token)
		}
	}
	if _, err := New(Config{Endpoint: "https://gatehouse.example.com", Token: testToken, CACertificate: "nonsense"}); err == nil {
		t.Error("a CA certificate without PEM was accepted")
	}
}

func TestWriteCarriesStackContextAndPrecondition(t *testing.T) {
	var got http.Header
	var query, path string
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		got, query, path = r.Header.Clone(), r.URL.RawQuery, r.URL.EscapedPath()
		w.Header().Set("ETag", `"7"`)
		answer(w, 200, map[string]any{"id": "x", "key": "/finance/q1"})
	}, func(cfg *Config) {
		cfg.Stack = "acme/infra"
		cfg.ChangeContext = &api.ChangeContext{Commit: "abc", Author: "Jörg 🦊"}
		cfg.Door = "cli"
	})
	doc, err := c.Workspace("wikio").Put(t.Context(), api.FolderKind, "/finance/q1", Document{"path": "/finance/q1"},
		WriteOptions{IfMatch: "6", Adopt: true, Reason: "incident\n7", IdempotencyKey: "k1"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"Authorization": "Bearer " + testToken, "Gatehouse-Stack": "acme/infra", "Gatehouse-Change-Context": `{"commit":"abc","author":"J\u00f6rg \ud83e\udd8a"}`,
		"If-Match": `"6"`, "Idempotency-Key": "k1", "Gatehouse-Adopt": "true", "Gatehouse-Reason": "incident 7", "Gatehouse-Door": "cli",
	}
	have := map[string]string{}
	for name := range want {
		have[name] = got.Get(name)
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Error(diff)
	}
	if path != "/v1/workspaces/wikio/folders/%2Ffinance%2Fq1" || query != "" {
		t.Errorf("asked %s?%s", path, query)
	}
	if doc.ETag() != "7" {
		t.Errorf("etag %q", doc.ETag())
	}
}

func TestDryRunSaysSoAndCarriesNoIdempotencyKey(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("dry_run") != "true" || r.Header.Get("Idempotency-Key") != "" {
			t.Errorf("%s with key %q", r.URL, r.Header.Get("Idempotency-Key"))
		}
		answer(w, 201, map[string]any{})
	}, nil)
	if _, err := c.Workspace("w").Create(t.Context(), api.TeamKind, Document{}, WriteOptions{DryRun: true}); err != nil {
		t.Fatal(err)
	}
}

func TestRetryRepeatsTheSameWriteUntilTheServerIsBack(t *testing.T) {
	var keys []string
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) < 4 {
			status := []int{429, 502, 503}[len(keys)-1]
			w.WriteHeader(status)
			return
		}
		var body map[string]any
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil || body["slug"] != "design" {
			t.Errorf("the repetition has body %v, %v", body, err)
		}
		answer(w, 201, map[string]any{"key": "design"})
	}, nil)
	doc, err := c.Workspace("w").Create(t.Context(), api.TeamKind, Document{"slug": "design"}, WriteOptions{})
	if err != nil || doc.Key() != "design" {
		t.Fatalf("%v, %v", doc, err)
	}
	if len(keys) != 4 || keys[0] == "" || keys[0] != keys[3] {
		t.Errorf("idempotency keys %q", keys)
	}
}

func TestRetrySurvivesBrokenConnections(t *testing.T) {
	var calls atomic.Int64
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		if calls.Add(1) < 3 {
			conn, _, _ := w.(http.Hijacker).Hijack()
			conn.Close()
			return
		}
		answer(w, 200, map[string]any{"key": "design"})
	}, nil)
	if _, err := c.Workspace("w").Get(t.Context(), api.TeamKind, "design"); err != nil {
		t.Fatal(err)
	}
}

func TestNoRetryOfRefusals(t *testing.T) {
	for _, code := range []api.Code{api.CodeInvalid, api.CodeForbidden, api.CodeConflict, api.CodeInternal, api.CodePreconditionFailed} {
		calls := 0
		c := start(t, func(w http.ResponseWriter, _ *http.Request) {
			calls++
			answer(w, 0, api.NewProblem(code, "no"))
		}, nil)
		_, err := c.Workspace("w").Put(t.Context(), api.TeamKind, "design", Document{}, WriteOptions{})
		if !IsCode(err, code) || calls != 1 {
			t.Errorf("%s: %d calls, %v", code, calls, err)
		}
	}
}

func TestRetryAfterIsHonoured(t *testing.T) {
	var at []time.Time
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		if at = append(at, time.Now()); len(at) == 1 {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
			return
		}
		answer(w, 200, map[string]any{})
	}, nil)
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}
	if gap := at[1].Sub(at[0]); gap < time.Second {
		t.Errorf("came back after %s", gap)
	}
}

// Whoever is forwarded for is told when to come again: nobody keeps their request open.
func TestAForwardingClientPassesRetryAfterOn(t *testing.T) {
	calls := 0
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Retry-After", "3")
		answer(w, 0, api.NewProblem(api.CodeRateLimited, "slow down"))
	}, nil)
	answered, err := c.As("ghs_token").CallDirectory(t.Context(), Directory{Method: http.MethodGet, Reads: true}, nil)
	if !IsCode(err, api.CodeRateLimited) || calls != 1 || answered.RetryAfter != 3*time.Second {
		t.Errorf("%d calls, %+v, %v", calls, answered, err)
	}
}

func TestRetryAfterTooFarAwayIsAnError(t *testing.T) {
	calls := 0
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		calls++
		w.Header().Set("Retry-After", "7200")
		answer(w, 0, api.NewProblem(api.CodeRateLimited, "slow down"))
	}, nil)
	if _, err := c.WhoAmI(t.Context()); !IsCode(err, api.CodeRateLimited) || calls != 1 {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestUnreachableServerSaysWhatToCheck(t *testing.T) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	c, err := New(Config{Endpoint: srv.URL, Token: testToken, Retry: RetryPolicy{MaxAttempts: 2, MinWait: time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.WhoAmI(t.Context())
	if !IsCode(err, api.CodeUnavailable) || !strings.Contains(err.Error(), "check the endpoint") || strings.Contains(err.Error(), testToken) {
		t.Error(err)
	}
}

func TestUnknownCertificatePointsAtTheSetting(t *testing.T) {
	srv := httptest.NewTLSServer(http.NotFoundHandler())
	defer srv.Close()
	c, err := New(Config{Endpoint: srv.URL, Token: testToken, Retry: RetryPolicy{MaxAttempts: 3, MinWait: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err = c.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "ca_certificate") {
		t.Error(err)
	}
	if time.Since(began) > time.Second {
		t.Error("an untrusted certificate was tried again")
	}
}

func TestRedirectNeverCarriesTheTokenElsewhere(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("followed") }))
	defer elsewhere.Close()
	c := start(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, elsewhere.URL, 302) }, nil)
	if _, err := c.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "redirect") {
		t.Error(err)
	}
}

func TestAnswerWithoutProblemIsNotRepeated(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		fmt.Fprint(w, "<html>your token "+testToken)
	}, nil)
	_, err := c.WhoAmI(t.Context())
	if !IsCode(err, api.CodeForbidden) || strings.Contains(err.Error(), testToken) {
		t.Error(err)
	}
}

func TestReadOnlyClientSendsNoWrite(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/access/check") {
			t.Errorf("sent %s %s", r.Method, r.URL)
		}
		answer(w, 200, map[string]any{})
	}, func(cfg *Config) { cfg.ReadOnly = true })
	ws := c.Workspace("w")
	_, e1 := ws.Create(t.Context(), api.TeamKind, Document{}, WriteOptions{})
	_, e2 := ws.Put(t.Context(), api.TeamKind, "x", Document{}, WriteOptions{DryRun: true})
	_, e3 := ws.Delete(t.Context(), api.TeamKind, "x", WriteOptions{})
	_, e4 := ws.Secret(t.Context(), api.APITokenKind, "x", 1)
	for _, err := range []error{e1, e2, e3, e4} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("got %v", err)
		}
	}
	if _, err := ws.Check(t.Context(), CheckRequest{}); err != nil {
		t.Error(err)
	}
}

func TestListFollowsPagesToTheEnd(t *testing.T) {
	const total = 1234
	requests := 0
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		requests++
		if got := r.URL.Query().Get("active"); got != "true" {
			t.Errorf("filter %q", got)
		}
		servePage(w, r, total)
	}, nil)
	docs, err := c.Workspace("w").List(t.Context(), api.MemberKind, map[string]string{"active": "true"})
	if err != nil || len(docs) != total || requests != 3 {
		t.Fatalf("%d objects in %d requests, %v", len(docs), requests, err)
	}
}

func servePage(w http.ResponseWriter, r *http.Request, total int) {
	var from, limit int
	fmt.Sscan(r.URL.Query().Get("cursor"), &from)
	fmt.Sscan(r.URL.Query().Get("limit"), &limit)
	page := api.Page[map[string]any]{Items: []map[string]any{}}
	for i := from; i < min(from+limit, total); i++ {
		page.Items = append(page.Items, map[string]any{"id": fmt.Sprintf("mem_%026d", i), "key": fmt.Sprintf("p%d@example.com", i)})
	}
	if from+limit < total {
		page.NextCursor = fmt.Sprint(from + limit)
	}
	answer(w, 200, page)
}

func TestRepeatingCursorIsAnErrorNotALoop(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, 200, map[string]any{"items": []any{}, "next_cursor": "same"})
	}, nil)
	if _, err := c.Workspace("w").List(t.Context(), api.MemberKind, nil); err == nil {
		t.Error("no error")
	}
}

func TestConcurrencyIsBounded(t *testing.T) {
	var now, most atomic.Int64
	c := start(t, func(w http.ResponseWriter, _ *http.Request) {
		n := now.Add(1)
		for {
			m := most.Load()
			if n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		time.Sleep(5 * time.Millisecond)
		now.Add(-1)
		answer(w, 200, map[string]any{})
	}, func(cfg *Config) { cfg.MaxConcurrency = 3 })
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if _, err := c.WhoAmI(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if most.Load() > 3 {
		t.Errorf("%d requests at once", most.Load())
	}
}

func TestCancelledContextEndsTheWait(t *testing.T) {
	c := start(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) },
		func(cfg *Config) { cfg.Retry = RetryPolicy{MaxAttempts: 10, MinWait: time.Minute} })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.WhoAmI(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if time.Since(began) > 5*time.Second {
		t.Error("waited on")
	}
}

func TestTraceSeesPathsOnly(t *testing.T) {
	var lines []string
	c := start(t, func(w http.ResponseWriter, _ *http.Request) { answer(w, 200, map[string]any{}) }, func(cfg *Config) {
		cfg.Trace = func(_ context.Context, method, path string, status int, _ time.Duration) {
			lines = append(lines, fmt.Sprint(method, " ", path, " ", status))
		}
	})
	if _, err := c.WhoAmI(t.Context()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"GET /v1/whoami 200"}, lines); diff != "" {
		t.Error(diff)
	}
}

func TestBatchReadSplitsWhatIsTooMany(t *testing.T) {
	var sizes []int
	c := start(t, func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Objects []Ref }
		json.NewDecoder(r.Body).Decode(&body)
		sizes = append(sizes, len(body.Objects))
		var out struct {
			Objects []ReadObject `json:"objects"`
		}
		for _, o := range body.Objects {
			out.Objects = append(out.Objects, ReadObject{Kind: o.Kind, Ref: o.Ref})
		}
		answer(w, 200, out)
	}, nil)
	got, err := c.Workspace("w").BatchRead(t.Context(), make([]Ref, 1100))
	if err != nil || len(got) != 1100 {
		t.Fatalf("%d, %v", len(got), err)
	}
	if diff := cmp.Diff([]int{500, 500, 100}, sizes); diff != "" {
		t.Error(diff)
	}
}
