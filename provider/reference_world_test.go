package provider

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/mail/mailtest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

type doc = map[string]any

// call sends a request of somebody's to the API of the workspace.
func (a *acceptance) call(t *testing.T, method, path, token string, body any) (int, doc) {
	t.Helper()
	var in io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		in = bytes.NewReader(raw)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, a.URL+"/v1/workspaces/"+a.Workspace+"/"+path, in)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, raw := servertest.Do(t, req)
	out := doc{}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			t.Fatalf("%s %s: %v\n%s", method, path, err, raw)
		}
	}
	return res.StatusCode, out
}

func (a *acceptance) mustPost(t *testing.T, path string, body doc) doc {
	t.Helper()
	status, out := a.call(t, http.MethodPost, path, a.OwnerToken, body)
	if status/100 != 2 {
		t.Fatalf("POST %s: %d %v", path, status, out)
	}
	return out
}

// wantRefused is a test that the Owner's request is refused in words that name why.
func (a *acceptance) wantRefused(path string, body doc, why string) func(*testing.T) {
	return func(t *testing.T) {
		status, out := a.call(t, http.MethodPost, path, a.OwnerToken, body)
		raw, _ := json.Marshal(out)
		if status != http.StatusUnprocessableEntity && status != http.StatusConflict || !strings.Contains(string(raw), why) {
			t.Errorf("POST %s %v: %d %s; want a refusal that names %s", path, body, status, raw, why)
		}
	}
}

func (a *acceptance) wantDecisions(t *testing.T, principal string, want map[[2]string]bool) {
	t.Helper()
	for q, allowed := range want {
		got := a.mustPost(t, "access/check", doc{"principal": principal, "resource": q[0], "permission": q[1]})
		if got["allowed"] != allowed {
			t.Errorf("%s %s %s: %v, want %v (%v)", principal, q[1], q[0], got["allowed"], allowed, got["reasons"])
		}
	}
}

// externalShareWaits: the Owner asks, cannot agree with themselves, and an admin agrees.
func (a *acceptance) externalShareWaits(t *testing.T) {
	vera := "email:vera@client.example"
	grant := a.mustPost(t, "access_grants", doc{"resource": "/campaigns", "principal": vera, "level": "view"})
	if grant["state"] != "pending_approval" {
		t.Fatalf("the grant is %v, want it to wait", grant["state"])
	}
	a.wantDecisions(t, vera, map[[2]string]bool{{"/campaigns", "asset.read"}: false})
	_, list := a.call(t, http.MethodGet, "approval_requests?state=pending", a.OwnerToken, nil)
	items, _ := list["items"].([]any)
	if len(items) != 1 {
		t.Fatalf("%d requests wait, want one: %v", len(items), list)
	}
	id := items[0].(doc)["id"].(string)
	if status, out := a.call(t, http.MethodPost, "approval_requests/"+id+"/approve", a.OwnerToken, doc{}); status/100 == 2 {
		t.Errorf("whoever asked agreed with themselves: %v", out)
	}
	if status, out := a.call(t, http.MethodPost, "approval_requests/"+id+"/approve", a.Token("bea@example.com"), doc{}); status/100 != 2 {
		t.Fatalf("an admin could not agree: %d %v", status, out)
	}
	a.wantDecisions(t, vera, map[[2]string]bool{{"/campaigns", "asset.read"}: true, {"/campaigns", "comment.create"}: false, {"/finance", "asset.read"}: false})
}

var sixDigits = regexp.MustCompile(`\b\d{6}\b`)

// clientVisitsPressKit walks through the link that the configuration declares, as its
// recipient would in a browser.
func (a *acceptance) clientVisitsPressKit(t *testing.T) {
	_, links := a.call(t, http.MethodGet, "share_links", a.OwnerToken, nil)
	link := links["items"].([]any)[0].(doc)
	if link["state"] != "active" {
		t.Fatalf("the link is %v; press material is approved by itself", link["state"])
	}
	secret := a.mustPost(t, "share_links/"+link["id"].(string)+"/secrets", doc{})
	page := secret["url"].(string)

	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar}
	visit := func(form url.Values, status int, words string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, nil)
		if form != nil {
			req, err = http.NewRequestWithContext(t.Context(), http.MethodPost, page, strings.NewReader(form.Encode()))
		}
		if err != nil {
			t.Fatal(err)
		}
		if form != nil {
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != status || !strings.Contains(string(body), words) {
			t.Fatalf("%s %v: %d, want %d and %q in:\n%s", req.Method, form, res.StatusCode, status, words, body)
		}
	}
	visit(nil, http.StatusOK, "Press kit for the client")
	visit(url.Values{"email": {"vera@client.example"}}, http.StatusOK, "code")
	code := ""
	for _, m := range mailtest.Outbox(t, a.Service) {
		if m.To == "vera@client.example" && sixDigits.MatchString(m.Text) {
			code = sixDigits.FindString(m.Text)
		}
	}
	visit(url.Values{"email": {"vera@client.example"}, "code": {code}}, http.StatusOK, "Press kit")

	_, activity := a.call(t, http.MethodGet, "share_links/"+link["id"].(string)+"/activity", a.OwnerToken, nil)
	if raw, _ := json.Marshal(activity); !strings.Contains(string(raw), "vera@client.example") {
		t.Errorf("the activity does not name the visitor: %s", raw)
	}
	_, events := a.call(t, http.MethodGet, "audit_events?action=share_link.viewed", a.OwnerToken, nil)
	if raw, _ := json.Marshal(events); !strings.Contains(string(raw), "vera@client.example") {
		t.Errorf("the audit log does not name the visitor: %s", raw)
	}
	if status, out := a.call(t, http.MethodDelete, "share_links/"+link["id"].(string), a.OwnerToken, nil); status != http.StatusNoContent {
		t.Fatalf("revoking: %d %v", status, out)
	}
	visit(nil, http.StatusGone, "")
}
