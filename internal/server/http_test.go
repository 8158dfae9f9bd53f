package server_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func TestPanicsAndFailuresSayNothingOfTheInside(t *testing.T) {
	i := servertest.Start(t)
	i.Server.RouteForTest("GET", "/v1/test/panic", func() (int, any, error) { panic("the vault key is " + theSecret) })
	i.Server.RouteForTest("GET", "/v1/test/error", func() (int, any, error) {
		return 0, nil, errors.New("SELECT hash FROM token_secret: " + theSecret)
	})
	i.Server.RouteForTest("GET", "/v1/test/unwritable", func() (int, any, error) { return 200, func() {}, nil })
	for _, path := range []string{"panic", "error", "unwritable"} {
		r := send(t, i, call{method: "GET", path: "/v1/test/" + path, token: i.OwnerToken})
		if r.status != 500 || strings.Contains(r.String(), theSecret) || strings.Contains(r.String(), "SELECT") || strings.Contains(r.String(), "goroutine") {
			t.Errorf("%s: status %d: %s", path, r.status, r.body)
		}
	}
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.OwnerToken}) // still there
}

func TestBodiesAreBounded(t *testing.T) {
	i := servertest.Start(t)
	deep := strings.Repeat(`{"a":`, 50_000) + "1" + strings.Repeat("}", 50_000)
	for _, c := range []struct {
		name, body string
		code       api.Code
	}{
		{"larger than the limit", `{"name":"` + strings.Repeat("x", server.MaxBodyForTest) + `"}`, api.CodeTooLarge},
		{"nested deeply", deep, api.CodeMalformed},
		{"nested a little too deep", strings.Repeat(`{"a":`, 20) + "1" + strings.Repeat("}", 20), api.CodeMalformed},
		{"empty", "", api.CodeMalformed},
		{"not JSON", "{", api.CodeMalformed},
		{"an array", "[]", api.CodeMalformed},
		{"null", "null", api.CodeMalformed},
		{"two documents", `{"slug":"a","name":"A"}{"slug":"b","name":"B"}`, api.CodeMalformed},
		{"a NUL character", `{"slug":"a","name":"A\u0000"}`, api.CodeMalformed},
		{"an unknown attribute", `{"slug":"a","name":"A","colour":"red"}`, api.CodeInvalid},
		{"the wrong type", `{"slug":"a","name":7}`, api.CodeInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantProblem(t, i, c.code, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: c.body})
			wantProblem(t, i, c.code, call{method: "POST", path: in(i, "teams"), token: i.OwnerToken, body: c.body})
			// Requests that are no declared object.
			code := c.code
			if code == api.CodeInvalid {
				code = api.CodeMalformed
			}
			wantProblem(t, i, code, call{method: "POST", path: in(i, "access/check"), token: i.OwnerToken, body: c.body})
		})
	}
	// A backslash before u0000 is a backslash.
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: `{"slug":"a","name":"A\\u0000"}`})
}

func TestOnlyJSONIsRead(t *testing.T) {
	i := servertest.Start(t)
	for ct, status := range map[string]int{
		"application/json": 201, "application/json; charset=utf-8": 201, "": 201,
		"text/plain": 415, "application/x-www-form-urlencoded": 415, "application/json-patch+json": 415, "application/scim+json": 415, "nonsense/": 415,
	} {
		want(t, i, status, call{method: "PUT", path: in(i, "retention_policy") + "?dry_run=true", token: i.OwnerToken, body: doc{}, header: map[string]string{"Content-Type": ct}})
	}
}

func TestPathsAndMethodsThatAreNotServed(t *testing.T) {
	i := servertest.Start(t)
	for _, c := range []struct {
		method, path string
		allow        string // 404 when empty
	}{
		{"PATCH", in(i, "teams/x"), "GET, HEAD, PUT, DELETE"},
		{"POST", in(i, "teams/x"), "GET, HEAD, PUT, DELETE"},
		{"DELETE", in(i, "teams"), "GET, HEAD, POST"},
		{"PUT", in(i, "teams"), "GET, HEAD, POST"},
		{"POST", in(i, "sharing_policy"), "GET, HEAD, PUT, DELETE"},
		{"OPTIONS", in(i, "teams"), "GET, HEAD, POST"},
		{"TRACE", "/v1/whoami", "GET, HEAD"},
		{"GET", in(i, "batch_read"), "POST"},
		{"BREW", "/v1/workspaces", "GET, HEAD, POST"},
		{"GET", in(i, "nothing"), ""},
		{"GET", in(i, "teams/x/y"), ""},
		{"GET", in(i, "teams") + "/", ""},
		{"GET", "/v1/workspaces//teams", ""},
		{"GET", "/v1/workspaces/acme/../acme/teams", ""},
		{"GET", "/v1/./whoami", ""},
		{"GET", "/v2/whoami", ""},
		{"GET", "/", ""},
		{"POST", "/openapi.json", "GET, HEAD"},
		{"DELETE", "/healthz", "GET, HEAD"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			code := api.CodeMethodNotAllowed
			if c.allow == "" {
				code = api.CodeNotFound
			}
			wantProblem(t, i, code, call{method: c.method, path: c.path, token: i.OwnerToken})
			if got := send(t, i, call{method: c.method, path: c.path, token: i.OwnerToken}).header.Get("Allow"); got != c.allow {
				t.Errorf("Allow is %q, want %q", got, c.allow)
			}
			if strings.HasPrefix(c.path, "/v1/") {
				wantProblem(t, i, api.CodeUnauthenticated, call{method: c.method, path: c.path, from: "198.51.100." + strconv.Itoa(len(c.path)%250)})
			}
		})
	}
}

func TestHeadIsGetWithoutABody(t *testing.T) {
	i := servertest.Start(t)
	get := network(t, i, "GET", in(i, ""), i.OwnerToken, nil)
	head := network(t, i, "HEAD", in(i, ""), i.OwnerToken, nil)
	if head.status != 200 || len(head.body) != 0 || head.header.Get("ETag") != get.header.Get("ETag") || head.header.Get("Content-Type") != get.header.Get("Content-Type") || get.header.Get("ETag") == "" {
		t.Errorf("HEAD answers %d with %v and %d bytes; GET %v", head.status, head.header, len(head.body), get.header)
	}
	if r := network(t, i, "HEAD", in(i, "teams/none"), i.OwnerToken, nil); r.status != 404 || len(r.body) != 0 {
		t.Errorf("HEAD of what is missing answers %d", r.status)
	}
	if r := network(t, i, "HEAD", in(i, ""), i.OwnerToken, http.Header{"If-None-Match": {get.header.Get("ETag")}}); r.status != 304 {
		t.Errorf("HEAD of what is known answers %d", r.status)
	}
}

// network sends a request over the wire.
func network(t *testing.T, i *servertest.Instance, method, path, token string, header http.Header) reply {
	t.Helper()
	req, err := http.NewRequest(method, i.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{resp.StatusCode, resp.Header, raw}
}

func TestQueriesAreReadStrictly(t *testing.T) {
	i := servertest.Start(t)
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/design"), token: i.OwnerToken, body: doc{"slug": "design", "name": "Design"}})
	for _, c := range []struct{ method, path string }{
		{"GET", "teams?limit=0"}, {"GET", "teams?limit=501"}, {"GET", "teams?limit=-1"}, {"GET", "teams?limit=ten"}, {"GET", "teams?limit=1e2"},
		{"GET", "teams?cursor=nonsense!"}, {"GET", "teams?cursor=bm9uc2Vuc2U"},
		{"GET", "teams?slug=x"}, {"GET", "teams?lmit=1"}, {"GET", "members?emial=a@example.com"}, {"GET", "members?email=a@example.com&email=b@example.com"},
		{"GET", "teams?parent=%00"}, {"GET", "teams?parent=%ff"}, {"GET", "teams?parent=%zz"},
		{"PUT", "teams/design?dryrun=true"}, {"PUT", "teams/design?dry_run=yes"}, {"PUT", "teams/design?dry_run=1"}, {"PUT", "teams/design?dry_run=true&dry_run=false"},
		{"POST", "access/check?dry_run=true"},
		{"GET", "audit_events?from=yesterday"}, {"GET", "audit_events?order=sideways"}, {"GET", "audit_events?family=nobility"}, {"GET", "audit_events?door=back"},
		{"GET", "audit_events?action=*"}, {"GET", "audit_events?cursor=zzz"}, {"GET", "audit_events?actor=%00"},
		{"GET", "audit/consistency?old=2&new=1"}, {"GET", "audit/consistency?old=0&new=1"}, {"GET", "audit/consistency"},
		{"GET", "access/effective"}, {"GET", "access/effective?principal=nobody"}, {"GET", "access/effective?principal=member:owner@example.com&resource=no-path"},
		{"GET", "sso_service_provider"},
		{"GET", "provisioning_events?limit=0"}, {"GET", "directory_groups?cursor=%ff"},
	} {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			wantProblem(t, i, api.CodeMalformed, call{method: c.method, path: in(i, c.path), token: i.OwnerToken, body: doc{"slug": "design", "name": "Changed"}})
		})
	}
	if name := want(t, i, 200, call{method: "GET", path: in(i, "teams/design"), token: i.OwnerToken}).object(t)["name"]; name != "Design" {
		t.Errorf("a refused request renamed the team to %v", name)
	}
	wantProblem(t, i, api.CodeTooLarge, call{method: "GET", path: in(i, "teams?parent=") + strings.Repeat("x", 16<<10), token: i.OwnerToken})
	// Every catalogue pages, as clients ask for pages everywhere.
	for _, path := range []string{"/v1/regions", "/v1/permissions", "/v1/workspaces", in(i, "roles_catalogue"), in(i, "provisioning_events"), in(i, "directory_groups")} {
		seen, cursor := 0, ""
		for {
			page := want(t, i, 200, call{method: "GET", path: path + "?limit=3&cursor=" + cursor, token: i.OwnerToken}).object(t)
			seen += len(page["items"].([]any))
			if page["next_cursor"] == nil {
				break
			}
			cursor = page["next_cursor"].(string)
		}
		whole := want(t, i, 200, call{method: "GET", path: path + "?limit=500", token: i.OwnerToken}).object(t)
		if n := len(whole["items"].([]any)); n != seen {
			t.Errorf("%s: pages hold %d entries, the whole %d", path, seen, n)
		}
	}
}

func TestHeadersAreBounded(t *testing.T) {
	i := servertest.Start(t)
	for _, c := range []struct {
		name, value string
		code        api.Code
	}{
		{"Gatehouse-Stack", strings.Repeat("s", 201), api.CodeMalformed},
		{"Gatehouse-Stack", "caf\u00e9", api.CodeMalformed},
		{"Idempotency-Key", strings.Repeat("k", 201), api.CodeMalformed},
		{"Gatehouse-Change-Context", "not json", api.CodeMalformed},
		{"Gatehouse-Change-Context", `{"commit":"a\u0000"}`, api.CodeMalformed},
		{"Gatehouse-Change-Context", `{"commit":"` + strings.Repeat("a", 4096) + `"}`, api.CodeTooLarge},
		{"Gatehouse-Adopt", "yes", api.CodeMalformed},
		{"If-Match", `"a", "b"`, api.CodeMalformed},
		{"If-Match", `*`, api.CodeMalformed},
		{"If-None-Match", `"a"`, api.CodeMalformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			wantProblem(t, i, c.code, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}, header: map[string]string{c.name: c.value}})
		})
	}
	want(t, i, 404, call{method: "GET", path: in(i, "teams/a"), token: i.OwnerToken})
	// What only describes the request is cut, not refused, and stays text.
	want(t, i, 201, call{method: "PUT", path: in(i, "teams/a"), token: i.OwnerToken, body: doc{"slug": "a", "name": "A"}, header: map[string]string{"Gatehouse-Reason": strings.Repeat("\u00e9", 3000), "User-Agent": "\xff\xfe" + strings.Repeat("x", 3000)}})
}

func TestPathsAreText(t *testing.T) {
	each(t, func(t *testing.T, i *servertest.Instance) {
		for _, ref := range []string{"%00", "%ff", "a%00b"} {
			wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "teams/"+ref), token: i.OwnerToken})
			wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: in(i, "audit/proofs/"+ref), token: i.OwnerToken})
			wantProblem(t, i, api.CodeMalformed, call{method: "GET", path: "/v1/workspaces/" + ref + "/teams", token: i.OwnerToken})
		}
		for _, ref := range []string{"..", "%2e%2e", "%2F", "%25", strings.Repeat("x", 5000), "%F0%9F%94%91"} {
			if ref == ".." {
				continue // net/http clients never send it
			}
			wantProblem(t, i, api.CodeNotFound, call{method: "GET", path: in(i, "teams/"+ref), token: i.OwnerToken})
			wantProblem(t, i, api.CodeNotFound, call{method: "DELETE", path: in(i, "members/"+ref), token: i.OwnerToken})
		}
	})
}

func TestBadTokensAreThrottledByAddress(t *testing.T) {
	i := servertest.Start(t)
	from := "203.0.113.7"
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.AdminToken, from: from})
	statuses := []int{}
	var last reply
	for n := range 80 {
		last = send(t, i, call{method: "GET", path: "/v1/whoami", token: fmt.Sprintf("ght_0123456789abcdefghijklmnopqr%04d", n), from: from})
		statuses = append(statuses, last.status)
	}
	if statuses[0] != 401 || statuses[20] != 401 || last.status != 429 || slices.Index(statuses, 429) < 40 {
		t.Fatalf("statuses are %v", statuses)
	}
	if after, err := strconv.Atoi(last.header.Get("Retry-After")); err != nil || after < 1 || after > 60 {
		t.Errorf("Retry-After is %q", last.header.Get("Retry-After"))
	}
	// Nor do paths without a route help, or another method.
	want(t, i, 429, call{method: "GET", path: "/v1/nothing", token: "ght_0123456789abcdefghijklmnopqrst", from: from})
	want(t, i, 429, call{method: "GET", path: "/v1/whoami", token: i.MemberToken, from: from})
	// Others are served, and so is a token that was good before: people share addresses
	// with a job that has a bad one.
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.AdminToken, from: from})
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.OwnerToken, from: "203.0.113.8"})

	// One IPv6 customer has a whole /64.
	for n := range 80 {
		last = send(t, i, call{method: "GET", path: "/v1/whoami", token: "ght_0123456789abcdefghijklmnopqrst", from: fmt.Sprintf("[2001:db8:1:2::%x]", n+1)})
	}
	if last.status != 429 {
		t.Errorf("addresses of one network are counted apart: status %d", last.status)
	}
	want(t, i, 401, call{method: "GET", path: "/v1/whoami", token: "ght_0123456789abcdefghijklmnopqrst", from: "[2001:db8:1:3::1]"})
}

func TestEachTokenHasItsOwnLimit(t *testing.T) {
	i := servertest.Start(t)
	i.Server.LimitForTest(5)
	var last reply
	for range 30 {
		last = send(t, i, call{method: "GET", path: "/v1/whoami", token: i.OwnerToken})
	}
	if last.status != 429 || last.header.Get("Retry-After") != "1" {
		t.Errorf("status %d, Retry-After %q", last.status, last.header.Get("Retry-After"))
	}
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.AdminToken})
}

func TestOpenEndpointsTellNothing(t *testing.T) {
	i := servertest.Start(t)
	for path, body := range map[string]string{"/healthz": "ok\n", "/readyz": "ready\n"} {
		if got := want(t, i, 200, call{method: "GET", path: path}).String(); got != body {
			t.Errorf("%s says %q", path, got)
		}
	}
	got := want(t, i, 200, call{method: "GET", path: "/openapi.json"})
	if ct := got.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/vnd.oai.openapi+json") {
		t.Errorf("the document is %q", ct)
	}
	if bytes.Contains(got.body, []byte(i.Workspace)) && i.Workspace != "acme" {
		t.Error("the document names a workspace")
	}
}

// TestMountedDoorsAnswerForThemselves: SCIM clients get SCIM errors, and no redirects.
func TestMountedDoorsAnswerForThemselves(t *testing.T) {
	i := servertest.Start(t)
	want(t, i, 201, call{method: "POST", path: in(i, "scim_tokens"), token: i.OwnerToken, body: doc{"connection_name": "okta", "name": "main"}})
	secret := want(t, i, 200, call{method: "POST", path: in(i, "scim_tokens/okta%2Fmain/secrets"), token: i.OwnerToken, body: doc{}}).object(t)["secret"].(string)
	for path, status := range map[string]int{"/scim/v2/Users": 200, "/scim/v2/Nothing": 404, "/scim/v2//Users": 404, "/scim/v2/../v2/Users": 404} {
		r := network(t, i, "GET", path, secret, nil)
		if ct := r.header.Get("Content-Type"); !strings.HasPrefix(ct, "application/scim+json") || r.header.Get("Cache-Control") != "no-store" || r.status >= 300 && r.status != status {
			t.Errorf("%s: status %d as %q: %s", path, r.status, ct, r.body)
		}
	}
	if r := network(t, i, "GET", "/scim/v2/Users", i.OwnerToken, nil); r.status != 401 && r.status != 403 {
		t.Errorf("an API token opens the SCIM door: status %d", r.status)
	}
}

// TestBrokenRequestsAreRefusedByTheListener goes below net/http's client.
func TestBrokenRequestsAreRefusedByTheListener(t *testing.T) {
	i := servertest.Start(t)
	for _, raw := range []string{
		"GET /v1/whoami HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + strings.Repeat("x", 100<<10) + "\r\n\r\n",
		"GET /v1/whoami HTTP/1.1\r\nHost: a\r\nA: \x00\r\n\r\n",
		"GET /v1/%zz HTTP/1.1\r\nHost: a\r\n\r\n",
		"NONSENSE\r\n\r\n",
	} {
		conn, err := net.Dial("tcp", strings.TrimPrefix(i.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(conn, raw); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(conn).ReadString('\n')
		if err != nil || !strings.Contains(line, " 4") {
			t.Errorf("%.40q is answered with %q, %v", raw, line, err)
		}
		_ = conn.Close()
	}
	want(t, i, 200, call{method: "GET", path: "/v1/whoami", token: i.OwnerToken})
}
