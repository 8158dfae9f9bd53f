package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object/objecttest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// world is a whole server with a workspace, a clock that tests move, and its log.
type world struct {
	*servertest.Instance
	log   *servertest.Log
	start time.Time
	moved atomic.Int64
}

func (w *world) advance(d time.Duration) { w.moved.Add(int64(d)) }

// now stands still but for a millisecond with each look, so that what happens one after
// another has that order, and nothing ends because a machine is busy.
func (w *world) now() time.Time {
	return w.start.Add(time.Duration(w.moved.Add(int64(time.Millisecond))))
}

// each runs a test on a server of each engine.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Helper()
	for _, dialect := range objecttest.Dialects(t) {
		t.Run(string(dialect), func(t *testing.T) {
			dsn := ""
			if dialect == store.Postgres {
				dsn = objecttest.DSN(t, dialect)
			}
			test(t, startOn(t, dsn))
		})
	}
}

func start(t *testing.T) *world { t.Helper(); return startOn(t, "") }

func startOn(t *testing.T, database string) *world {
	t.Helper()
	w := &world{log: &servertest.Log{}, start: time.Now()}
	w.Instance = servertest.StartWith(t, servertest.Options{Database: database, Log: w.log, Clock: w.now})
	return w
}

type doc = map[string]any

// api makes a request to the API as a member, and answers what came back.
func (w *world) api(t *testing.T, token, method, path string, body any, want int) doc {
	t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, w.URL+"/v1/workspaces/"+w.Workspace+"/"+path, bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != want {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, res.StatusCode, want, answer)
	}
	out := doc{}
	if len(answer) > 0 {
		if err := json.Unmarshal(answer, &out); err != nil {
			t.Fatalf("%s %s: %v", method, path, err)
		}
	}
	return out
}

// visitor is somebody with a browser's habits: keeps cookies, does not follow
// redirects by itself, says where forms come from.
type visitor struct {
	t      *testing.T
	w      *world
	client *http.Client
	header http.Header // of every request
}

func (w *world) visitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{t: t, w: w, header: http.Header{"User-Agent": {"Example/1.0"}, "Sec-Fetch-Site": {"same-origin"}},
		client: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// reply is what a visitor gets.
type reply struct {
	*http.Response
	t    *testing.T
	page string
	all  []*element
}

func (v *visitor) do(method, path string, body io.Reader, header http.Header) *reply {
	v.t.Helper()
	req, err := http.NewRequestWithContext(context.Background(), method, v.w.URL+path, body)
	if err != nil {
		v.t.Fatal(err)
	}
	for _, h := range []http.Header{v.header, header} {
		for name, values := range h {
			req.Header[name] = values
		}
	}
	res, err := v.client.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	r := &reply{Response: res, t: v.t, page: string(raw)}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/html") && len(raw) > 0 {
		r.all = checkHTML(v.t, method+" "+path, r.page)
	}
	return r
}

func (v *visitor) get(path string) *reply { v.t.Helper(); return v.do(http.MethodGet, path, nil, nil) }

// post sends a form, and goes where it sends the browser.
func (v *visitor) post(path string, form url.Values) *reply {
	v.t.Helper()
	r := v.send(path, form)
	if r.StatusCode == http.StatusSeeOther {
		return v.get(r.Header.Get("Location"))
	}
	return r
}

// send sends a form and looks at the very answer.
func (v *visitor) send(path string, form url.Values) *reply {
	v.t.Helper()
	return v.do(http.MethodPost, path, strings.NewReader(form.Encode()), http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
}

// want checks status and heading.
func (r *reply) want(status int, heading string) *reply {
	r.t.Helper()
	got := ""
	for _, h := range named(r.all, "h1") {
		got = words(h.text)
	}
	if r.StatusCode != status || got != heading {
		r.t.Fatalf("%s %s: status %d with %q, want %d with %q:\n%s", r.Request.Method, r.Request.URL.Path, r.StatusCode, got, status, heading, r.page)
	}
	return r
}

// says checks that the page holds words.
func (r *reply) says(texts ...string) *reply {
	r.t.Helper()
	for _, text := range texts {
		if !strings.Contains(r.read(), text) {
			r.t.Errorf("%s %s does not say %q:\n%s", r.Request.Method, r.Request.URL.Path, text, r.page)
		}
	}
	return r
}

// hides checks that nothing of the page, markup included, holds the words.
func (r *reply) hides(texts ...string) *reply {
	r.t.Helper()
	for _, text := range texts {
		if strings.Contains(r.page, text) {
			r.t.Errorf("%s %s holds %q:\n%s", r.Request.Method, r.Request.URL.Path, text, r.page)
		}
	}
	return r
}

func (r *reply) read() string {
	for _, e := range named(r.all, "body") {
		return words(e.text)
	}
	return ""
}

// hidden reads what the page's forms send along.
func (r *reply) hidden() url.Values {
	out := url.Values{}
	for _, e := range named(r.all, "input") {
		if e.attr["type"] == "hidden" {
			out.Set(e.attr["name"], e.attr["value"])
		}
	}
	return out
}
