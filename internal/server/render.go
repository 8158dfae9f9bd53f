package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	requestIDHeader = "Gatehouse-Request-Id"
	problemType     = "application/problem+json"
)

// Header values that every answer shares; they are never changed.
var (
	mediaJSON = []string{"application/json"}
	noStore   = []string{"no-store"}
	noSniff   = []string{"nosniff"}
)

// later is a problem that says when to come again.
type later struct {
	*api.Problem
	wait time.Duration
}

func (l *later) Unwrap() error { return l.Problem }

func comeAgain(wait time.Duration, what string) error {
	l := &later{wait: max(wait, time.Second)}
	l.Problem = api.NewProblem(api.CodeRateLimited, "%s Come again in %s s.", what, l.seconds())
	return l
}

// seconds is the wait as Retry-After writes it (RFC 9110 section 10.2.3).
func (l *later) seconds() string { return strconv.Itoa(int((l.wait + time.Second - 1) / time.Second)) }

// render writes an answer or a problem and returns the status.
func (s *Server) render(c huma.Context, id string, res *answer, err error) int {
	if err != nil {
		p := s.asProblem(c.Context(), id, err)
		for name, value := range problemHeaders(p, err) {
			c.SetHeader(name, value)
		}
		raw, _ := json.Marshal(p) // strings and numbers: never fails
		return write(c, p.Status, raw)
	}
	raw, err := encode(res.body)
	if err != nil {
		return s.render(c, id, nil, err)
	}
	if res.etag != "" {
		c.SetHeader("ETag", `"`+res.etag+`"`)
		if reads(c.Method()) && matches(c.Header("If-None-Match"), res.etag) {
			c.SetStatus(http.StatusNotModified)
			return http.StatusNotModified
		}
	}
	if raw != nil {
		_, w := humago.Unwrap(c)
		w.Header()["Content-Type"] = mediaJSON
	}
	return write(c, res.status, raw)
}

func encode(body any) ([]byte, error) {
	if body == nil {
		return nil, nil
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return nil, fmt.Errorf("encoding an answer: %w", err)
	}
	return raw, nil
}

func write(c huma.Context, status int, raw []byte) int {
	c.SetStatus(status)
	if raw != nil {
		_, _ = c.BodyWriter().Write(raw)
	}
	return status
}

func reads(method string) bool { return method == http.MethodGet || method == http.MethodHead }

// matches compares weakly, as If-None-Match asks for (RFC 9110 section 13.1.2).
func matches(header, etag string) bool {
	tags := etagsOf(header)
	return slices.Contains(tags, etag) || slices.Contains(tags, "*")
}

// asProblem maps any error to a problem; what is not one already is logged and
// answered without its text.
func (s *Server) asProblem(ctx context.Context, id string, err error) *api.Problem {
	var p *api.Problem
	if l := (*later)(nil); errors.As(err, &l) {
		p = l.Problem
	} else if !errors.As(err, &p) {
		p = s.hidden(ctx, id, err)
	}
	out := *p
	out.Instance = id
	return &out
}

func (s *Server) hidden(ctx context.Context, id string, err error) *api.Problem {
	switch {
	case errors.Is(err, audit.ErrInvalidFilter):
		return api.NewProblem(api.CodeMalformed, "%v.", err)
	case errors.Is(err, audit.ErrNotFound), errors.Is(err, audit.ErrSizes):
		return api.NewProblem(api.CodeNotFound, "There is no such event or checkpoint.")
	case errors.Is(err, audit.ErrNotSealed):
		return api.NewProblem(api.CodeUnavailable, "The event is not sealed yet; ask again in a moment.")
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return api.NewProblem(api.CodeUnavailable, "The request was given up before it was done.")
	}
	s.Log.ErrorContext(ctx, "request failed", "id", id, "error", err)
	return api.NewProblem(api.CodeInternal, "Something failed on our side; nothing was changed. Quote the request id when asking for help.")
}

func problemHeaders(p *api.Problem, err error) map[string]string {
	out := map[string]string{"Content-Type": problemType}
	var l *later
	switch {
	case errors.As(err, &l):
		out["Retry-After"] = l.seconds()
	case p.Status == http.StatusServiceUnavailable:
		out["Retry-After"] = "1"
	case p.Status == http.StatusUnauthorized:
		out["WWW-Authenticate"] = `Bearer realm="gatehouse"`
	}
	return out
}

// problem answers outside of an operation.
func (s *Server) problem(w http.ResponseWriter, r *http.Request, err error) {
	id := store.NewID("req", time.Now())
	p := s.asProblem(r.Context(), id, err)
	w.Header().Set(requestIDHeader, id)
	for name, value := range problemHeaders(p, err) {
		w.Header().Set(name, value)
	}
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p)
}
