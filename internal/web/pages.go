package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Options is what the pages are made from.
type Options struct {
	Service *object.Service
	// BaseURL is the absolute URL that people use. Cookies are kept to HTTPS by it, except
	// on loopback.
	BaseURL string
	Log     *slog.Logger
}

// Pages serves the pages.
type Pages struct {
	Options
	mux    *http.ServeMux
	routes []route
	origin http.CrossOriginProtection
	secure bool // cookies go over HTTPS only
}

// handler answers one request; an error becomes a page in words for people.
type handler func(*request) (*answer, error)

// route is one address. What it has no handler for is refused with the methods that
// it has.
type route struct {
	pattern   string
	get, post handler
}

// New makes the pages.
func New(o Options) *Pages {
	p := &Pages{Options: o, mux: http.NewServeMux(), secure: !plainLoopback(o.BaseURL)}
	if p.Log == nil {
		p.Log = slog.Default()
	}
	if u, err := url.Parse(o.BaseURL); err == nil && u.Host != "" {
		// A proxy may not hand on the Host that a browser without Sec-Fetch-Site is judged by.
		if err := p.origin.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			p.Log.Warn("forms of old browsers will be refused", "error", err)
		}
	}
	p.routes = append(p.linkRoutes(), p.invitationRoutes()...)
	for _, rt := range p.routes {
		p.handle(rt)
	}
	p.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, unknown) })
	return p
}

func (p *Pages) handle(rt route) {
	p.mux.HandleFunc(rt.pattern, func(w http.ResponseWriter, r *http.Request) { p.serve(w, r, rt) })
}

// Mounts are the paths to serve the pages at, for server.Options.
func (p *Pages) Mounts() map[string]http.Handler {
	return map[string]http.Handler{sharing.LinkPath: p, people.InvitationPath: p, stylesheetPrefix: http.HandlerFunc(serveStylesheet)}
}

// plainLoopback reports whether people reach the server without TLS on their own
// machine: a browser would not send Secure cookies back there in every case.
func plainLoopback(base string) bool {
	u, err := url.Parse(base)
	if err != nil || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// policy is the Content-Security-Policy of every page: one style sheet, forms to
// ourselves, and nothing else.
const policy = "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"

// permissions switches off what no page uses.
const permissions = "accelerometer=(), camera=(), display-capture=(), fullscreen=(), geolocation=(), gyroscope=(), microphone=(), midi=(), payment=(), usb=()"

func (p *Pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("Permissions-Policy", permissions)
	h.Set("Referrer-Policy", "no-referrer") // addresses hold tokens
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("X-Robots-Tag", "noindex, nofollow, noarchive")
	h.Set("Cache-Control", "no-store")
	if p.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
	// net/http would answer with a redirect to the cleaned address.
	if path := r.URL.EscapedPath(); strings.Contains(path, "//") || strings.Contains(path+"/", "/./") || strings.Contains(path+"/", "/../") {
		p.serve(w, r, unknown)
		return
	}
	p.mux.ServeHTTP(w, r)
}

// request is one request as handlers see it.
type request struct {
	*http.Request
	pages *Pages
	id    string
	form  url.Values // of a POST
	set   []*http.Cookie
}

func (r *request) ctx() context.Context { return r.Context() }

// serve runs one request: method, origin, form, handler, page. The log names the
// route, never the address, which holds a token.
func (p *Pages) serve(w http.ResponseWriter, r *http.Request, rt route) {
	start := time.Now()
	req := &request{Request: r, pages: p, id: store.NewID("req", start)}
	a, err := p.run(w, req, rt)
	if err != nil {
		a = p.refuse(req, err)
	}
	w.Header().Set("Gatehouse-Request-Id", req.id)
	status := p.render(w, req, a)
	p.Log.InfoContext(r.Context(), "page", "id", req.id, "method", clipMethod(r.Method), "path", rt.pattern, "status", status, "ms", time.Since(start).Milliseconds())
}

// clipMethod keeps what a stranger calls a method out of the log.
func clipMethod(method string) string {
	if slices.Contains([]string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}, method) {
		return method
	}
	return "other"
}

func (p *Pages) run(w http.ResponseWriter, r *request, rt route) (a *answer, err error) {
	defer func() {
		if crash := recover(); crash != nil {
			p.Log.ErrorContext(r.ctx(), "a page panicked", "id", r.id, "panic", fmt.Sprint(crash), "stack", string(debug.Stack()))
			a, err = nil, errors.New("a page panicked")
		}
	}()
	var handle handler
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		handle = rt.get
	case http.MethodPost:
		handle = rt.post
	}
	if handle == nil {
		w.Header().Set("Allow", strings.Join(rt.methods(), ", "))
		return refusal(http.StatusMethodNotAllowed, "That is not possible here", "This page cannot be used in that way. Open the link again that you were given."), nil
	}
	if r.Method == http.MethodPost {
		// A browser says where a form comes from (Sec-Fetch-Site, Origin).
		if err := p.origin.Check(r.Request); err != nil {
			return refusal(http.StatusForbidden, "This form came from another site", "To protect you, Gatehouse takes only forms that were filled in on its own pages. Open the link again that you were given."), nil
		}
		if a, err := r.readForm(w); a != nil || err != nil {
			return a, err
		}
	}
	return handle(r)
}

func (rt route) methods() []string {
	var out []string
	if rt.get != nil {
		out = append(out, http.MethodGet, http.MethodHead)
	}
	if rt.post != nil {
		out = append(out, http.MethodPost)
	}
	return out
}

// unknown is every address that has no page.
var unknown = route{pattern: "unknown", get: unknownAddress, post: unknownAddress}

func unknownAddress(*request) (*answer, error) {
	return refusal(http.StatusNotFound, nothingHere, checkTheAddress), nil
}
