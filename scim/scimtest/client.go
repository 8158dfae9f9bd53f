package scimtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// client speaks SCIM to a fixture and holds every answer to the strict rules
// that apply to all of them.
type client struct {
	t *testing.T
	f Fixture
}

// answer is what came back.
type answer struct {
	t      *testing.T
	what   string
	status int
	header http.Header
	body   map[string]any
	raw    string
}

type header struct{ name, value string }

var runID, counter = time.Now().UnixNano() % 1e9, atomic.Int64{}

// unique returns a name that no other test uses, so that tests may share a server.
func unique(prefix string) string {
	return fmt.Sprintf("%s-%x-%d", prefix, runID, counter.Add(1))
}

// do sends a request. body is JSON text, or a value to encode, or nil.
func (c *client) do(method, path string, body any, headers ...header) *answer {
	c.t.Helper()
	a, err := c.try(method, path, body, headers...)
	if err != nil {
		c.t.Fatalf("%s %s: %v", method, path, err)
	}
	a.strict(c.f.BaseURL)
	return a
}

func (c *client) try(method, path string, body any, headers ...header) (*answer, error) {
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			return nil, err
		}
		in = bytes.NewReader(text)
	}
	if !strings.HasPrefix(path, "http") {
		path = c.f.BaseURL + path
	}
	req, err := http.NewRequest(method, path, in)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+c.f.Token)
	if in != nil {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	for _, h := range headers {
		req.Header.Set(h.name, h.value)
		if h.value == "" {
			req.Header.Del(h.name)
		}
	}
	res, err := c.f.Client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	a := &answer{t: c.t, what: method + " " + path, status: res.StatusCode, header: res.Header, raw: string(raw)}
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &a.body); err != nil {
			return nil, fmt.Errorf("answer is not a JSON object: %v: %.200s", err, raw)
		}
	}
	return a, nil
}

// strict checks what every answer must be: its media type, the shape of errors
// (RFC 7644 §3.12), absolute locations, no password, no null.
func (a *answer) strict(base string) {
	a.t.Helper()
	if a.body != nil && !strings.HasPrefix(a.header.Get("Content-Type"), "application/scim+json") {
		a.t.Errorf("%s: Content-Type %q", a.what, a.header.Get("Content-Type"))
	}
	if a.status >= 400 {
		if a.at("schemas", 0) != "urn:ietf:params:scim:api:messages:2.0:Error" || a.at("status") != fmt.Sprint(a.status) {
			a.t.Errorf("%s: answered %d without a SCIM error body: %s", a.what, a.status, a.raw)
		}
		return
	}
	check(a, base, a.body)
}

func check(a *answer, base string, v any) {
	a.t.Helper()
	switch v := v.(type) {
	case nil:
		if a.body != nil {
			a.t.Errorf("%s: null in the answer: %.300s", a.what, a.raw)
		}
	case []any:
		for _, e := range v {
			check(a, base, e)
		}
	case map[string]any:
		for k, e := range v {
			if k == "password" {
				if _, text := e.(string); text {
					a.t.Errorf("%s: a password in the answer", a.what)
				}
			}
			if s, ok := e.(string); ok && (k == "location" || k == "$ref") && !strings.HasPrefix(s, base+"/") {
				a.t.Errorf("%s: %s is %q, not below %s", a.what, k, s, base)
			}
			check(a, base, e)
		}
	}
}

// want checks the status.
func (a *answer) want(status int) *answer {
	a.t.Helper()
	if a.status != status {
		a.t.Fatalf("%s: status %d, want %d: %.500s", a.what, a.status, status, a.raw)
	}
	return a
}

// wantOneOf checks that the status is one of several that are right.
func (a *answer) wantOneOf(status ...int) *answer {
	a.t.Helper()
	for _, s := range status {
		if a.status == s {
			return a
		}
	}
	a.t.Fatalf("%s: status %d, want one of %v: %.500s", a.what, a.status, status, a.raw)
	return a
}

// wantError checks status and scimType.
func (a *answer) wantError(status int, kind string) *answer {
	a.t.Helper()
	a.want(status)
	if got, _ := a.at("scimType").(string); got != kind {
		a.t.Fatalf("%s: scimType %q, want %q: %s", a.what, got, kind, a.raw)
	}
	return a
}

// at digs into the body by names and indexes; nil where there is nothing.
func (a *answer) at(path ...any) any { return dig(a.body, path...) }

func dig(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, _ := v.(map[string]any)
			v = m[p]
		case int:
			l, _ := v.([]any)
			if p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

func (a *answer) id() string {
	s, _ := a.at("id").(string)
	return s
}

// equal checks a value in the body.
func (a *answer) equal(want any, path ...any) *answer {
	a.t.Helper()
	got := a.at(path...)
	if n, ok := want.(int); ok {
		want = float64(n)
	}
	if got != want {
		a.t.Errorf("%s: %v is %v, want %v: %.500s", a.what, path, got, want, a.raw)
	}
	return a
}

// absent checks that there is no such value.
func (a *answer) absent(path ...any) *answer {
	a.t.Helper()
	if got := a.at(path...); got != nil {
		a.t.Errorf("%s: %v is %v, want none", a.what, path, got)
	}
	return a
}

// resources returns the Resources of a list and checks its counters.
func (a *answer) resources() []any {
	a.t.Helper()
	a.want(http.StatusOK)
	list, ok := a.at("Resources").([]any)
	if !ok || a.at("schemas", 0) != "urn:ietf:params:scim:api:messages:2.0:ListResponse" {
		a.t.Fatalf("%s: not a ListResponse: %.300s", a.what, a.raw)
	}
	if per, _ := a.at("itemsPerPage").(float64); int(per) != len(list) {
		a.t.Errorf("%s: itemsPerPage %v with %d resources", a.what, per, len(list))
	}
	return list
}

// texts collects one attribute of every resource of a list.
func (a *answer) texts(path ...any) []string {
	a.t.Helper()
	out := []string{}
	for _, r := range a.resources() {
		s, _ := dig(r, path...).(string)
		out = append(out, s)
	}
	return out
}

// Shortcuts for what most tests begin with.

const (
	userURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	groupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
	enterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	patchURN      = "urn:ietf:params:scim:api:messages:2.0:PatchOp"
	bulkURN       = "urn:ietf:params:scim:api:messages:2.0:BulkRequest"
	searchURN     = "urn:ietf:params:scim:api:messages:2.0:SearchRequest"
)

type object = map[string]any
type array = []any

// newUser creates a user with more attributes and returns the answer.
func (c *client) newUser(more object) *answer {
	c.t.Helper()
	body := object{"schemas": array{userURN}, "userName": unique("user") + "@example.com"}
	for k, v := range more {
		body[k] = v
	}
	return c.do("POST", "/Users", body).want(http.StatusCreated)
}

// newGroup creates a group of members and returns the answer.
func (c *client) newGroup(members ...string) *answer {
	c.t.Helper()
	body := object{"schemas": array{groupURN}, "displayName": unique("Group")}
	if len(members) > 0 {
		body["members"] = refs(members...)
	}
	return c.do("POST", "/Groups", body).want(http.StatusCreated)
}

func (c *client) newUsers(n int) []string {
	c.t.Helper()
	ids := make([]string, n)
	for i := range ids {
		ids[i] = c.newUser(nil).id()
	}
	return ids
}

func refs(ids ...string) array {
	out := array{}
	for _, id := range ids {
		out = append(out, object{"value": id})
	}
	return out
}

func patchOf(ops ...object) object {
	list := array{}
	for _, op := range ops {
		list = append(list, op)
	}
	return object{"schemas": array{patchURN}, "Operations": list}
}

// patch changes a resource.
func (c *client) patch(path string, ops ...object) *answer {
	c.t.Helper()
	return c.do("PATCH", path, patchOf(ops...))
}

// find lists with a filter and more parameters.
func (c *client) find(endpoint, filter string, more ...string) *answer {
	c.t.Helper()
	q := "?filter=" + url.QueryEscape(filter)
	for _, m := range more {
		q += "&" + m
	}
	return c.do("GET", endpoint+q, nil)
}

// members returns the ids of a group's members.
func (c *client) members(group string) map[string]bool {
	c.t.Helper()
	out := map[string]bool{}
	list, _ := c.do("GET", "/Groups/"+group, nil).want(http.StatusOK).at("members").([]any)
	for _, m := range list {
		id, _ := dig(m, "value").(string)
		if out[id] {
			c.t.Errorf("member %s twice", id)
		}
		out[id] = true
	}
	return out
}

func (c *client) wantMembers(group string, ids ...string) {
	c.t.Helper()
	got := c.members(group)
	if len(got) != len(ids) {
		c.t.Errorf("group has %d members, want %d", len(got), len(ids))
	}
	for _, id := range ids {
		if !got[id] {
			c.t.Errorf("member %s is missing", id)
		}
	}
}

// as is the client with another token, which the fixture must have.
func (c *client) as(token string) *client {
	c.t.Helper()
	if token == "" {
		c.t.Fatal("the fixture has no such token")
	}
	out := *c
	out.f.Token = token
	return &out
}
