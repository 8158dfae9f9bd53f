package web_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/web"
)

// pageHeaders are what every answer of the pages carries.
var pageHeaders = map[string]string{
	"Content-Security-Policy":      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
	"Referrer-Policy":              "no-referrer",
	"Cache-Control":                "no-store",
	"X-Content-Type-Options":       "nosniff",
	"X-Frame-Options":              "DENY",
	"X-Robots-Tag":                 "noindex, nofollow, noarchive",
	"Cross-Origin-Opener-Policy":   "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin",
}

func checkHeaders(t *testing.T, r *reply) {
	t.Helper()
	for name, want := range pageHeaders {
		if got := r.Header.Values(name); !slices.Equal(got, []string{want}) {
			t.Errorf("%s %s (%d): %s is %q, want %q", r.Request.Method, r.Request.URL.Path, r.StatusCode, name, got, want)
		}
	}
	if !strings.Contains(r.Header.Get("Permissions-Policy"), "camera=()") || r.Header.Get("Gatehouse-Request-Id") == "" {
		t.Errorf("%s %s: headers %v", r.Request.Method, r.Request.URL.Path, r.Header)
	}
	if r.page != "" && r.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("%s %s: Content-Type %q", r.Request.Method, r.Request.URL.Path, r.Header.Get("Content-Type"))
	}
}

// TestEveryPageIsGuarded walks every address by every method, without a session and
// with one.
func TestEveryPageIsGuarded(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, link := w.link(t, campaigns)
	patterns := web.New(web.Options{Service: w.Service, BaseURL: w.URL}).Patterns()
	if len(patterns) < 4 {
		t.Fatal("few addresses: ", patterns)
	}
	stranger, inside := w.visitor(t), w.visitor(t)
	inside.post(link, url.Values{}).want(200, "Campaigns")
	token, invitation := strings.TrimPrefix(link, "/s/"), w.invite(t, doc{"email": "eve@example.com", "workspace_role": "member"})
	for _, pattern := range append(patterns, "/s/{token}/unknown") {
		path := strings.NewReplacer("/invitations/{token}", invitation, "{token}", token, "{path...}", "spring").Replace(pattern)
		for _, v := range []*visitor{stranger, inside} {
			for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"} {
				r := v.do(method, path, nil, http.Header{"Content-Type": {"application/x-www-form-urlencoded"}})
				checkHeaders(t, r)
				if r.StatusCode >= 500 {
					t.Errorf("%s %s: status %d", method, pattern, r.StatusCode)
				}
				if r.StatusCode == 405 && (r.Header.Get("Allow") == "" || strings.Contains(r.Header.Get("Allow"), method)) {
					t.Errorf("%s %s: Allow %q", method, pattern, r.Header.Get("Allow"))
				}
				if (method == "PUT" || method == "DELETE" || method == "PATCH") && r.StatusCode != 405 {
					t.Errorf("%s %s: status %d", method, pattern, r.StatusCode)
				}
			}
		}
	}
}

func TestStyleSheetIsKeptByItsDigest(t *testing.T) {
	w := start(t)
	v := w.visitor(t)
	r := v.get("/s/x")
	if !strings.Contains(r.page, `href="`+web.StylesheetPath+`"`) {
		t.Errorf("the page names another style sheet than %s", web.StylesheetPath)
	}
	css := v.get(web.StylesheetPath)
	if css.StatusCode != 200 || css.Header.Get("Content-Type") != "text/css; charset=utf-8" || css.Header.Get("Cache-Control") != "public, max-age=31536000, immutable" || css.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("status %d, headers %v", css.StatusCode, css.Header)
	}
	for _, path := range []string{"/assets/", "/assets/style.css", "/assets/../style.css", "/assets/style-0000000000000000.css"} {
		if r := v.get(path); r.StatusCode != 404 {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
}

func TestCookiesAreKeptToThePages(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, link := w.link(t, campaigns)
	check := func(t *testing.T, cookies []*http.Cookie, secure bool) {
		t.Helper()
		if len(cookies) != 2 {
			t.Fatalf("%d cookies: %v", len(cookies), cookies)
		}
		for _, c := range cookies {
			if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/s/" || c.Domain != "" || c.Secure != secure {
				t.Errorf("cookie %v", c)
			}
			if session := strings.HasPrefix(c.Name, "gatehouse_visit_"); session != (c.MaxAge == 0) {
				t.Errorf("cookie %s has a Max-Age of %d", c.Name, c.MaxAge)
			}
			if strings.Contains(c.String(), strings.TrimPrefix(link, "/s/")) {
				t.Errorf("cookie %s holds the token", c.Name)
			}
		}
	}
	v := w.visitor(t)
	check(t, v.send(link, url.Values{}).Cookies(), false) // loopback without TLS
	// Who comes again with the same browser is not given another name.
	if again := v.send(link, url.Values{}).Cookies(); len(again) != 1 || !strings.HasPrefix(again[0].Name, "gatehouse_visit_") {
		t.Errorf("cookies of the second visit: %v", again)
	}
	for _, base := range []string{"https://gatehouse.example.com", "http://gatehouse.example.com", "http://192.0.2.1:8460", ""} {
		pages := web.New(web.Options{Service: w.Service, BaseURL: base, Log: slog.New(slog.DiscardHandler)})
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("POST", link, strings.NewReader(""))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		pages.ServeHTTP(rec, req)
		check(t, rec.Result().Cookies(), true)
		if rec.Header().Get("Strict-Transport-Security") == "" {
			t.Errorf("%s: no Strict-Transport-Security", base)
		}
	}
}

func TestFormsOfOtherSitesAreRefused(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, link := w.link(t, with(campaigns, doc{"max_views": 1}))
	v := w.visitor(t)
	for name, from := range map[string]http.Header{
		"another site":               {"Sec-Fetch-Site": {"cross-site"}},
		"a sibling of our domain":    {"Sec-Fetch-Site": {"same-site"}},
		"an old browser's":           {"Sec-Fetch-Site": {}, "Origin": {"https://evil.example"}},
		"a sandbox":                  {"Sec-Fetch-Site": {}, "Origin": {"null"}},
		"another port of our server": {"Sec-Fetch-Site": {}, "Origin": {"http://127.0.0.1:1"}},
	} {
		v.header = with2(http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, from)
		for _, path := range []string{link, link + "/leave"} {
			r := v.do("POST", path, strings.NewReader(""), nil).want(403, "This form came from another site")
			checkHeaders(t, r)
			if len(r.Cookies()) > 0 {
				t.Errorf("%s: cookies %v", name, r.Cookies())
			}
		}
		// Links from elsewhere may be followed.
		v.get(link).want(200, "Spring cut for Acme")
	}
	// Behind a proxy that changes Host, an old browser's own forms count.
	behind := web.New(web.Options{Service: w.Service, BaseURL: "https://gatehouse.example.com", Log: slog.New(slog.DiscardHandler)})
	for origin, status := range map[string]int{"https://gatehouse.example.com": 200, "https://gatehouse.example.com.evil.example": 403, "http://gatehouse.example.com": 403} {
		rec := httptest.NewRecorder()
		req := httptest.NewRequest("POST", link+"/leave", strings.NewReader(""))
		req.Host = "10.0.0.7:8460"
		req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}, "Origin": {origin}}
		if behind.ServeHTTP(rec, req); rec.Code != status {
			t.Errorf("a form from %s behind a proxy: status %d, want %d", origin, rec.Code, status)
		}
	}
	v.header = http.Header{"Origin": {w.URL}}
	v.post(link, url.Values{}).want(200, "Campaigns") // the one view was not used up
}

func with2(a, b http.Header) http.Header {
	out := a.Clone()
	for name, values := range b {
		if len(values) > 0 {
			out[name] = values
		}
	}
	return out
}

func TestFormsAreBounded(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, link := w.link(t, with(campaigns, doc{"password_wo": linkPassword, "password_wo_version": 1}))
	v := w.visitor(t)
	send := func(contentType, body string) *reply {
		r := v.do("POST", link, strings.NewReader(body), http.Header{"Content-Type": {contentType}})
		checkHeaders(t, r)
		return r
	}
	const form = "application/x-www-form-urlencoded"
	send(form, "password="+strings.Repeat("a", 1<<20)).want(413, "That is too long")
	send(form, "password=%zz").want(400, "The form could not be read")
	send("multipart/form-data; boundary=a", "--a--").want(415, "That was not a form of this page")
	send("application/json", "{}").want(415, "That was not a form of this page")
	send("", "password=a").want(415, "That was not a form of this page")
	for _, odd := range []string{"a%00b", "%ff%fe", strings.Repeat("a", 5000), strings.Repeat("%F0%9F%94%91", 300)} {
		send(form, "password="+odd).want(422, "Spring cut for Acme")
		if r := send(form, "code=123456&must=email&email="+odd); r.StatusCode != 422 {
			t.Errorf("email=%.20s: status %d", odd, r.StatusCode)
		}
	}
	// Passwords in the query do not count: addresses are logged on their way.
	v.do("POST", link+"?password="+linkPassword, nil, http.Header{"Content-Type": {form}}).want(200, "Spring cut for Acme")
}

// TestWhatPeopleWriteIsShownAsText and not as markup.
func TestWhatPeopleWriteIsShownAsText(t *testing.T) {
	w := start(t)
	w.tree(t)
	_, link := w.link(t, with(campaigns, doc{"kind": "recipient", "recipients": []string{"ann@partner.example"}, "name": `Cut "for" <script>alert(1)</script>`}))
	v := w.visitor(t)
	v.get(link).want(200, `Cut "for" <script>alert(1)</script>`).hides("<script")
	v.post(link, url.Values{"email": {`"><script>alert(1)</script>@example.com`}}).hides("<script")
}

// TestNoSecretReachesTheLog: tokens, passwords, codes, sessions and addresses of
// visitors stay out, on every path through a link.
func TestNoSecretReachesTheLog(t *testing.T) {
	w := start(t)
	w.tree(t)
	id, link := w.link(t, with(campaigns, doc{"kind": "recipient", "recipients": []string{"ann@partner.example"}, "password_wo": linkPassword, "password_wo_version": 1}))
	v := w.visitor(t)
	v.get(link)
	v.post(link, url.Values{"email": {"nobody@partner.example"}})
	form := v.post(link, url.Values{"email": {"ann@partner.example"}}).hidden()
	code := w.code(t, "ann@partner.example")
	form.Set("password", linkPassword)
	form.Set("code", code)
	v.post(link, form).want(200, "Campaigns")
	u, _ := url.Parse(w.URL + link)
	secrets := []string{strings.TrimPrefix(link, "/s/"), linkPassword, code, "partner.example", "topsecret"}
	for _, c := range v.client.Jar.Cookies(u) {
		secrets = append(secrets, c.Value)
	}
	if len(secrets) != 7 {
		t.Fatalf("%d secrets are looked for", len(secrets))
	}
	v.get(link + "/in/spring")
	v.get(link + "/in/nothing?after=x")
	v.do("PUT", link, nil, nil)
	v.do("GHL_METHOD", link, nil, nil)
	v.send(link, url.Values{"x": {strings.Repeat("a", 1<<20)}})
	w.revoke(t, id)
	v.get(link).want(410, "Access denied")
	log := w.log.String()
	if !strings.Contains(log, "path=/s/{token}") {
		t.Fatal("requests are not logged")
	}
	for _, s := range append(secrets, "GHL_METHOD", "nothing?") {
		if strings.Contains(log, s) {
			t.Errorf("the log holds %q", s)
		}
	}
}

func TestFailuresSayNothingOfTheInside(t *testing.T) {
	w := start(t)
	var log bytes.Buffer
	pages := web.New(web.Options{Service: w.Service, BaseURL: w.URL, Log: slog.New(slog.NewTextHandler(&log, nil))})
	pages.Break("/s/broken/error", func() error { return errors.New("SELECT hash FROM link_token") })
	pages.Break("/s/broken/panic", func() error { panic("SELECT hash FROM link_token") })
	for _, path := range []string{"/s/broken/error", "/s/broken/panic"} {
		rec := httptest.NewRecorder()
		pages.ServeHTTP(rec, httptest.NewRequest("GET", path, nil))
		body, _ := io.ReadAll(rec.Result().Body)
		checkHTML(t, path, string(body))
		id := rec.Header().Get("Gatehouse-Request-Id")
		if rec.Code != 500 || strings.Contains(string(body), "SELECT") || strings.Contains(string(body), "goroutine") || id == "" || !strings.Contains(string(body), id) {
			t.Errorf("%s: status %d:\n%s", path, rec.Code, body)
		}
		if !strings.Contains(log.String(), "SELECT hash") || !strings.Contains(log.String(), id) {
			t.Errorf("%s: the log does not say why: %s", path, log.String())
		}
	}
}
