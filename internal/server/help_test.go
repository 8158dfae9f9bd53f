package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, i *servertest.Instance)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			dsn := ""
			if dialect == store.Postgres {
				dsn = objecttest.DSN(t, dialect)
			}
			test(t, servertest.StartOn(t, dsn))
		})
	}
}

// call is one request to the door.
type call struct {
	method, path, token string
	body                any // string as it is, anything else as JSON
	header              map[string]string
	from                string // address; 192.0.2.1 when empty
}

// reply is its answer.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string { return string(r.body) }

// json decodes the body.
func (r reply) json(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(r.body, into); err != nil {
		t.Fatalf("the answer is not JSON: %v\n%s", err, r.body)
	}
}

// object decodes the body as a document.
func (r reply) object(t testing.TB) map[string]any {
	t.Helper()
	out := map[string]any{}
	r.json(t, &out)
	return out
}

// send gives a request to the door without a network, so that it can come from any
// address.
func send(t testing.TB, i *servertest.Instance, c call) reply {
	t.Helper()
	var body []byte
	switch b := c.body.(type) {
	case nil:
	case string:
		body = []byte(b)
	case []byte:
		body = b
	default:
		var err error
		if body, err = json.Marshal(b); err != nil {
			t.Fatal(err)
		}
	}
	req := httptest.NewRequest(c.method, c.path, bytes.NewReader(body))
	req.RemoteAddr = "192.0.2.1:40000"
	if c.from != "" {
		req.RemoteAddr = c.from + ":40000"
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for name, value := range c.header {
		req.Header.Set(name, value)
	}
	rec := httptest.NewRecorder()
	i.Server.Handler().ServeHTTP(rec, req)
	out := reply{rec.Code, rec.Result().Header, rec.Body.Bytes()}
	checkAnswer(t, c, out)
	return out
}

// checkAnswer holds for every answer of the API.
func checkAnswer(t testing.TB, c call, r reply) {
	t.Helper()
	what := c.method + " " + c.path
	if got := r.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("%s: Cache-Control is %q, want no-store", what, got)
	}
	if got := r.header.Get("X-Content-Type-Options"); got != "nosniff" {
		t.Errorf("%s: X-Content-Type-Options is %q", what, got)
	}
	if strings.HasPrefix(c.path, "/v1/") && r.header.Get("Gatehouse-Request-Id") == "" {
		t.Errorf("%s: the answer has no request id", what)
	}
	switch {
	case r.status >= 400:
		checkProblem(t, what, r)
	case r.status == http.StatusNoContent || r.status == http.StatusNotModified:
		if len(r.body) > 0 {
			t.Errorf("%s: status %d has a body: %s", what, r.status, r.body)
		}
	case r.status >= 300:
		t.Errorf("%s: status %d; nothing is redirected", what, r.status)
	}
	if c.token != "" && bytes.Contains(r.body, []byte(c.token)) {
		t.Errorf("%s: the answer repeats the token", what)
	}
}

var codes = []api.Code{
	api.CodeInvalid, api.CodeMalformed, api.CodeUnauthenticated, api.CodeForbidden, api.CodeNotFound, api.CodeMethodNotAllowed,
	api.CodeConflict, api.CodeManagedByCode, api.CodeOwnedByOtherStack, api.CodeNeedsAdoption, api.CodeReferenced, api.CodeLockout,
	api.CodePreconditionFailed, api.CodeTooLarge, api.CodeUnsupportedMedia, api.CodeRateLimited, api.CodeInternal, api.CodeUnavailable,
}

func checkProblem(t testing.TB, what string, r reply) {
	t.Helper()
	if got := r.header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("%s: status %d has Content-Type %q, want a problem", what, r.status, got)
		return
	}
	var p api.Problem
	r.json(t, &p)
	if p.Status != r.status || p.Title == "" || p.Detail == "" || !slices.Contains(codes, p.Code()) || p.Code().Status() != p.Status {
		t.Errorf("%s: status %d with this problem: %s", what, r.status, r.body)
	}
	if p.Instance == "" || p.Instance != r.header.Get("Gatehouse-Request-Id") {
		t.Errorf("%s: the problem says instance %q, the header %q", what, p.Instance, r.header.Get("Gatehouse-Request-Id"))
	}
	if r.status == http.StatusUnauthorized && r.header.Get("WWW-Authenticate") == "" {
		t.Errorf("%s: 401 without WWW-Authenticate", what)
	}
	if (r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable) && r.header.Get("Retry-After") == "" {
		t.Errorf("%s: %d without Retry-After", what, r.status)
	}
}

// want sends a request and fails the test unless it is answered with the status.
func want(t testing.TB, i *servertest.Instance, status int, c call) reply {
	t.Helper()
	r := send(t, i, c)
	if r.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", c.method, c.path, r.status, status, r.body)
	}
	return r
}

// wantProblem is want for a problem of a code.
func wantProblem(t testing.TB, i *servertest.Instance, code api.Code, c call) api.Problem {
	t.Helper()
	r := want(t, i, code.Status(), c)
	var p api.Problem
	r.json(t, &p)
	if p.Code() != code {
		t.Fatalf("%s %s: problem %q, want %q: %s", c.method, c.path, p.Code(), code, r.body)
	}
	return p
}

// in is a path below the instance's workspace.
func in(i *servertest.Instance, path string) string {
	return "/v1/workspaces/" + i.Workspace + strings.TrimSuffix("/"+path, "/")
}

// serviceToken makes a service account of a role with an API token of the scopes, and
// answers the secret.
func serviceToken(t testing.TB, i *servertest.Instance, name, role string, scopes ...string) string {
	t.Helper()
	want(t, i, 201, call{method: "POST", path: in(i, "service_accounts"), token: i.OwnerToken, body: map[string]any{"name": name, "owner": "owner@example.com", "workspace_role": role}})
	want(t, i, 201, call{method: "POST", path: in(i, "api_tokens"), token: i.OwnerToken, body: map[string]any{"name": name, "service_account": name, "scopes": scopes}})
	return want(t, i, 200, call{method: "POST", path: in(i, "api_tokens/"+name+"/secrets"), token: i.OwnerToken, body: map[string]any{}}).object(t)["secret"].(string)
}

// addGuest makes a guest, which no route does yet, and answers a token.
func addGuest(t testing.TB, i *servertest.Instance, email string) string {
	t.Helper()
	err := i.Service.Do(context.Background(), object.System(i.WorkspaceID), func(s *object.Scope) error {
		if err := s.BumpAuthz(context.Background()); err != nil {
			return err
		}
		return s.SaveDerived(context.Background(), api.MemberKind, object.How{}, &api.Member{Email: email, WorkspaceRole: "guest", Active: true, Source: api.ManagedByManual})
	})
	if err != nil {
		t.Fatalf("making a guest: %v", err)
	}
	return i.Token(email)
}

// eventually repeats a check until it holds: sealing follows events after a moment.
func eventually(t testing.TB, what string, check func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if check() {
			return
		}
	}
	t.Fatalf("waited in vain: %s", what)
}

func mustJSON(t testing.TB, v any) []byte {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func escape(s string) string { return url.PathEscape(s) }

func unescape(s string) string {
	plain, err := url.PathUnescape(s)
	if err != nil {
		return s
	}
	return plain
}
