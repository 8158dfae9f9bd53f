package client

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/go-resty/resty/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// call is one request of the API.
type call struct {
	method string
	path   string // escaped, from the root: /v1/…
	query  url.Values
	header map[string]string
	body   any
	// reads marks a POST that changes nothing (access/check, batch_read).
	reads bool
	// safe marks a request that may be sent twice: what has no effect, or the same
	// effect twice. A POST becomes safe by its Idempotency-Key.
	safe bool
}

// send makes the request and decodes the answer into out, which may be nil. With the
// problem of an error answer comes that answer.
func (c *Client) send(ctx context.Context, in call, out any) (*resty.Response, error) {
	writes := in.method != http.MethodGet && !in.reads
	if writes && c.readOnly {
		return nil, fmt.Errorf("%s %s was not sent: %w", in.method, in.path, ErrReadOnly)
	}
	if in.method == http.MethodGet || in.reads || in.safe {
		ctx = context.WithValue(ctx, repeatable{}, true)
	}
	if c.as != "" {
		ctx = context.WithValue(ctx, forwarded{}, true)
	}
	req := c.http.R().SetContext(ctx).SetHeaders(in.header)
	if writes {
		req.SetHeaders(c.writeHeaders)
	}
	if c.as != "" {
		req.SetHeader("Authorization", "Bearer "+c.as)
	}
	if c.from != "" {
		req.SetHeader(headerForwardedFor, c.from)
	}
	if in.body != nil {
		raw, err := json.Marshal(in.body)
		if err != nil {
			return nil, fmt.Errorf("encoding the body of %s %s: %w", in.method, in.path, err)
		}
		req.SetHeader("Content-Type", "application/json").SetBody(raw)
	}
	target := c.base + in.path
	if len(in.query) > 0 {
		target += "?" + in.query.Encode()
	}
	resp, err := req.Execute(in.method, target)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, fmt.Errorf("%s %s: %w", in.method, in.path, ctx.Err())
	case errors.Is(err, resty.ErrResponseBodyTooLarge):
		return nil, fmt.Errorf("%s %s: %w: more than %d MiB", in.method, in.path, ErrTooLarge, maxResponseBytes>>20)
	case errors.Is(err, resty.ErrAutoRedirectDisabled):
		return nil, fmt.Errorf("%s answers with a redirect; give the final address as the endpoint", c.base)
	case err != nil && resp != nil && resp.IsError():
		return resp, problemOf(resp)
	case err != nil:
		return nil, unreachable(c.base, err)
	case resp.StatusCode() >= 300:
		return resp, problemOf(resp)
	}
	if out != nil && len(resp.Body()) > 0 {
		if err := json.Unmarshal(resp.Body(), out); err != nil {
			return nil, fmt.Errorf("%s %s: the answer is not the JSON that was expected; is %s a Gatehouse control plane?", in.method, in.path, c.base)
		}
	}
	return resp, nil
}

// problemOf reads the problem of an error answer (RFC 9457). What is no problem
// came from something in between; its body is not repeated, it may be anything.
func problemOf(resp *resty.Response) *api.Problem {
	var p api.Problem
	contentType, _, _ := strings.Cut(resp.Header().Get("Content-Type"), ";")
	if contentType == "application/problem+json" && json.Unmarshal(resp.Body(), &p) == nil && p.Type != "" {
		if p.Status == 0 {
			p.Status = resp.StatusCode()
		}
		if p.Instance == "" {
			p.Instance = resp.Header().Get("Gatehouse-Request-Id")
		}
		return &p
	}
	code := api.CodeInternal
	switch resp.StatusCode() {
	case http.StatusUnauthorized:
		code = api.CodeUnauthenticated
	case http.StatusForbidden:
		code = api.CodeForbidden
	case http.StatusNotFound:
		code = api.CodeNotFound
	case http.StatusTooManyRequests:
		code = api.CodeRateLimited
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		code = api.CodeUnavailable
	}
	out := api.NewProblem(code, "The server answered %s without a problem document; something between here and the control plane may have answered in its place.", resp.Status())
	out.Status = resp.StatusCode()
	return out
}

// ProblemOf finds the problem in an error's chain; nil when there is none.
func ProblemOf(err error) *api.Problem {
	var p *api.Problem
	if errors.As(err, &p) {
		return p
	}
	return nil
}

// IsCode reports whether the error is a problem of the code.
func IsCode(err error, code api.Code) bool {
	p := ProblemOf(err)
	return p != nil && p.Code() == code
}

// IsNotFound reports whether the error says that there is no such thing.
func IsNotFound(err error) bool { return IsCode(err, api.CodeNotFound) }

// RandomName makes a short name that nobody else uses.
func RandomName() string { return hex.EncodeToString(randomBytes(10)) }

// newIdempotencyKey makes a key that nobody else uses.
func newIdempotencyKey() string { return hex.EncodeToString(randomBytes(16)) }

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}
