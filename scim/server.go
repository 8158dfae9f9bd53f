package scim

import (
	"bufio"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// Limits bound what one request may ask for. Zero fields take the defaults.
type Limits struct {
	Body            int64 // bytes of a body; 1 MiB
	BulkBody        int64 // bytes of a bulk body; 8 MiB
	BulkOperations  int   // operations in a bulk request; 1,000
	PatchOperations int   // operations in a PATCH; 5,000
	DefaultCount    int   // resources on a page if the client names no count; 100
	MaxCount        int   // resources on a page; 1,000

	QueryTime time.Duration // what a query may take; 20 s
}

func (l Limits) withDefaults() Limits {
	pick := func(v *int, d int) {
		if *v <= 0 {
			*v = d
		}
	}
	if l.Body <= 0 {
		l.Body = 1 << 20
	}
	if l.QueryTime <= 0 {
		l.QueryTime = 20 * time.Second
	}
	if l.BulkBody <= 0 {
		l.BulkBody = 8 << 20
	}
	pick(&l.BulkOperations, 1000)
	pick(&l.PatchOperations, 5000)
	pick(&l.MaxCount, 1000)
	pick(&l.DefaultCount, min(100, l.MaxCount))
	return l
}

// Options configure a Server. Directory and Authenticator are required.
type Options struct {
	Directory     Directory
	Authenticator Authenticator
	Observer      Observer // optional

	// Prefix is the path under which the server is mounted; "/scim/v2" if empty.
	// The server sees whole paths: mount it without http.StripPrefix.
	Prefix string
	// BaseURL is the absolute URL of Prefix as clients see it. If empty it is
	// derived from each request.
	BaseURL string
	// Throttle is asked after authentication; more than zero is answered 429 with
	// that Retry-After.
	Throttle func(context.Context) time.Duration
	// CursorTimeout is advertised if the Directory lets cursors expire (RFC 9865 §4).
	CursorTimeout time.Duration

	Limits Limits
}

// Server serves SCIM. It is safe for concurrent use.
type Server struct {
	Options
	endpoints []endpoint
	discovery *discovery
}

// New builds a Server.
func New(o Options) (*Server, error) {
	if o.Directory == nil || o.Authenticator == nil {
		return nil, errors.New("scim: a server needs a Directory and an Authenticator")
	}
	if o.Prefix == "" {
		o.Prefix = "/scim/v2"
	}
	o.Prefix = strings.TrimSuffix(o.Prefix, "/")
	if o.BaseURL != "" {
		u, err := url.Parse(o.BaseURL)
		if err != nil || u.Scheme == "" || u.Host == "" || u.RawQuery != "" {
			return nil, fmt.Errorf("scim: base URL %q is not an absolute URL without query", o.BaseURL)
		}
		o.BaseURL = strings.TrimSuffix(o.BaseURL, "/")
	}
	o.Limits = o.Limits.withDefaults()
	s := &Server{Options: o}
	s.endpoints = []endpoint{users{s}, groups{s}}
	s.discovery = newDiscovery(s)
	return s, nil
}

// call is one request, or one operation of a bulk request, on its way.
type call struct {
	ctx         context.Context
	base        string
	params      params
	ifMatch     Versions
	ifNoneMatch preconditions
	alias       string // where /Me leads, for Location in any answer (RFC 7644 §3.11)
	event       Event
}

// ignore notes what the client sent in vain.
func (c *call) ignore(what []string) { c.event.Ignored = what }

// carried is a context in which a Directory finds the request, and what it sent in
// vain.
func (c *call) carried(ctx context.Context) context.Context {
	ctx = context.WithValue(ctx, requestKey{}, c.event.Request)
	return context.WithValue(ctx, ignoredKey{}, &c.event.Ignored)
}

// reply is a decided answer. write is nil for an answer without a body.
type reply struct {
	status   int
	location string
	self     string // Content-Location: RFC 7643 §3.1
	version  string
	write    func(io.Writer) error
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	start := time.Now()
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet // net/http drops the body
	}
	c := &call{ctx: r.Context(), base: s.baseURL(r)}
	c.event.Request = Request{ID: newID(), Time: start.UTC(), Method: method}
	out := &answer{ResponseWriter: w, media: mediaFor(r.Header.Values("Accept"))}
	out.Header().Set("X-Request-Id", c.event.Request.ID)
	defer func() {
		if p := recover(); p != nil {
			if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(p)
			}
			s.fail(out, c, fmt.Errorf("panic: %v", p))
		}
		c.event.Duration = time.Since(start)
		s.observe(c)
	}()
	rep, err := s.serve(c, w, r)
	if err != nil {
		s.fail(out, c, err)
		return
	}
	s.send(out, c, rep)
}

// serve authenticates, routes and runs the request.
func (s *Server) serve(c *call, w http.ResponseWriter, r *http.Request) (reply, error) {
	path, query, ok := s.split(r.URL)
	c.event.Request.Path, c.event.Request.Query = clipPath(path), redactQuery(query)
	if public := ok && path == configPath && c.event.Request.Method == http.MethodGet && r.Header.Get("Authorization") == ""; !public {
		if err := s.authenticate(c, r); err != nil {
			return reply{}, err
		}
	}
	if !ok {
		return reply{}, fault.New(http.StatusNotFound, "", "no such endpoint")
	}
	rt, err := s.route(c, c.event.Request.Method, path)
	if err != nil {
		return reply{}, err
	}
	if rt.discovery { // RFC 7644 §4: nothing but a filter is looked at
		c.params.filter = filterOf(query)
	} else if c.params, err = parseQuery(query); err != nil {
		return reply{}, err
	}
	c.ifMatch, c.ifNoneMatch = versions(r.Header.Values("If-Match")), preconditionsOf(r.Header.Values("If-None-Match"))
	var raw []byte
	if rt.body > 0 {
		if raw, err = readBody(w, r, rt.body); err != nil {
			return reply{}, err
		}
		if !rt.bulk {
			c.event.Request.Body = redact(raw)
		}
	}
	c.ctx = c.carried(c.ctx)
	return rt.run(c, raw)
}

func (s *Server) authenticate(c *call, r *http.Request) error {
	if len(r.Header.Values("Authorization")) > 1 {
		return ErrUnauthorized // whose of them it is, nobody can say
	}
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	const maxToken = 8 << 10
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > maxToken {
		return ErrUnauthorized
	}
	ctx, err := s.Authenticator.Authenticate(c.ctx, token, r)
	if err != nil {
		return err
	}
	c.ctx = ctx
	if s.Throttle != nil {
		if after := s.Throttle(ctx); after > 0 {
			return TooManyRequests(after)
		}
	}
	return nil
}

// split returns path and query below the prefix. A client that appends to a
// tenant URL with a query, as in …/scim/v2?aadOptscim062020/Users?filter=…, means
// what stands behind its last part. Without the version, /scim/Users is served by the
// only one there is (RFC 7644 §3.13).
func (s *Server) split(u *url.URL) (path, query string, ok bool) {
	path, ok = strings.CutPrefix(u.EscapedPath(), s.Prefix)
	if !ok {
		if root, versioned := strings.CutSuffix(s.Prefix, "/v2"); versioned && root != "" {
			path, ok = strings.CutPrefix(u.EscapedPath(), root)
		}
	}
	if !ok || path != "" && path[0] != '/' {
		return path, u.RawQuery, false
	}
	path, query = strings.TrimSuffix(path, "/"), u.RawQuery
	if path == "" {
		if i := strings.IndexAny(query, "/=&"); i >= 0 && query[i] == '/' {
			path, query, _ = strings.Cut(query[i:], "?")
		}
	}
	return path, query, true
}

func (s *Server) baseURL(r *http.Request) string {
	if s.BaseURL != "" {
		return s.BaseURL
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + r.Host + s.Prefix
}

// answer remembers whether the status is out.
type answer struct {
	http.ResponseWriter
	media string
	sent  bool
}

const (
	scimJSON  = "application/scim+json"
	plainJSON = "application/json"
)

// mediaFor is the media type of an answer: plain JSON for who would rather have it,
// by the weights of RFC 9110 §12.5.1 (RFC 7644 §3.8). What nobody can be given is
// answered all the same; §12.4.1 allows it, and a refusal would help no client.
func mediaFor(accept []string) string {
	const unnamed = -1.0
	scim, plain, application, any := unnamed, unnamed, unnamed, unnamed
	for part := range strings.SplitSeq(strings.Join(accept, ","), ",") {
		media, rest, _ := strings.Cut(part, ";")
		weight := weightOf(rest)
		switch strings.ToLower(strings.TrimSpace(media)) {
		case scimJSON:
			scim = weight
		case plainJSON:
			plain = weight
		case "application/*":
			application = weight
		case "*/*":
			any = weight
		}
	}
	for _, fallback := range []float64{application, any} {
		if scim == unnamed {
			scim = fallback
		}
		if plain == unnamed {
			plain = fallback
		}
	}
	if plain > max(scim, 0) {
		return plainJSON
	}
	return scimJSON
}

// weightOf reads q among the parameters of a media range; 1 without one.
func weightOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(strings.TrimSpace(name), "q") {
			q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil || !(q >= 0 && q <= 1) {
				return 0
			}
			return q
		}
	}
	return 1
}

func (a *answer) start(status int, body bool) {
	h := a.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	if body {
		h.Set("Content-Type", a.media)
	}
	a.sent = true
	a.WriteHeader(status)
}

var buffers = sync.Pool{New: func() any { return bufio.NewWriterSize(nil, 16<<10) }}

func (s *Server) send(w *answer, c *call, rep reply) {
	c.event.Status = rep.status
	if where := cmp.Or(rep.location, c.alias); where != "" {
		w.Header().Set("Location", where)
	}
	if rep.self != "" {
		w.Header().Set("Content-Location", rep.self)
	}
	if rep.version != "" {
		w.Header().Set("ETag", weak(rep.version))
	}
	w.start(rep.status, rep.write != nil)
	if rep.write == nil {
		return
	}
	buf := buffers.Get().(*bufio.Writer)
	buf.Reset(w)
	err := rep.write(buf)
	if err == nil {
		err = buf.Flush()
	}
	buf.Reset(nil)
	buffers.Put(buf)
	if err != nil {
		c.event.Err = fmt.Errorf("write answer: %w", err)
	}
}

// fail answers with an error. Only *Error speaks to the client.
func (s *Server) fail(w *answer, c *call, err error) {
	f := explainTo(err, c.event.Request.ID)
	c.event.Status, c.event.Kind, c.event.Detail, c.event.Err = f.Status, f.Kind, f.Detail, err
	if w.sent {
		return
	}
	if c.alias != "" {
		w.Header().Set("Location", c.alias)
	}
	switch f.Status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="SCIM"`)
	case http.StatusMethodNotAllowed:
		var m *methodError
		if errors.As(err, &m) {
			w.Header().Set("Allow", strings.Join(m.allow, ", "))
		}
	}
	if f.RetryAfter > 0 {
		seconds := int((f.RetryAfter + time.Second - 1) / time.Second)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
	}
	w.start(f.Status, true)
	_ = json.NewEncoder(w).Encode(errorBody(f)) // the client is gone if it fails
}

const (
	errorURN  = "urn:ietf:params:scim:api:messages:2.0:Error"
	listURN   = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
	bulkURN   = "urn:ietf:params:scim:api:messages:2.0:BulkResponse"
	maxDetail = 500
)

type errorMessage struct {
	Schemas []string `json:"schemas"`
	Status  string   `json:"status"` // a string: RFC 7644 §3.12
	Kind    Kind     `json:"scimType,omitempty"`
	Detail  string   `json:"detail,omitempty"`
}

func errorBody(f *Error) errorMessage {
	return errorMessage{[]string{errorURN}, strconv.Itoa(f.Status), f.Kind, f.Detail}
}

// explainTo is explain for the client of one request: where nothing can be told, it
// says under what the operator's log has more (RFC 7644 §3.12, status 500).
func explainTo(err error, request string) *Error {
	f := explain(err)
	if f.Status == http.StatusInternalServerError && f.Detail == internalError {
		return &Error{Status: f.Status, Detail: internalError + "; the log of the operator has more under request " + request}
	}
	return f
}

const internalError = "internal error"

// explain turns any error into what the client may know of it.
func explain(err error) *Error {
	var f *Error
	switch {
	case errors.As(err, &f):
		if len(f.Detail) > maxDetail {
			clipped := *f
			clipped.Detail = strings.ToValidUTF8(f.Detail[:maxDetail], "") + "…"
			return &clipped
		}
		return f
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return &Error{Status: http.StatusServiceUnavailable, Detail: "the request took too long", RetryAfter: time.Second}
	}
	return &Error{Status: http.StatusInternalServerError, Detail: internalError}
}

func (s *Server) observe(c *call) {
	if s.Observer != nil {
		s.Observer.Observe(c.ctx, c.event)
	}
}

func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand
	return hex.EncodeToString(b[:])
}

func weak(version string) string { return `W/"` + version + `"` }
