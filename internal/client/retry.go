package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"

	"github.com/go-resty/resty/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// longestWait is the most that a server can make us wait between two attempts.
const longestWait = 2 * time.Minute

// RetryPolicy says how often and how patiently a request is repeated.
type RetryPolicy struct {
	MaxAttempts int           // first try included; 5 when zero, 1 never repeats
	MinWait     time.Duration // before the first repetition; 500ms when zero
	MaxWait     time.Duration // most between two attempts; 30s when zero
}

func (p RetryPolicy) withDefaults() RetryPolicy {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = 5
	}
	p.MaxAttempts = min(p.MaxAttempts, 20)
	if p.MinWait <= 0 {
		p.MinWait = 500 * time.Millisecond
	}
	if p.MaxWait <= 0 {
		p.MaxWait = 30 * time.Second
	}
	p.MaxWait = min(max(p.MaxWait, p.MinWait), longestWait)
	return p
}

// wait decides the pause before the next attempt: what the server asks for in
// Retry-After (RFC 9110 section 10.2.3), else exponential backoff with jitter.
func (p RetryPolicy) wait(_ *resty.Client, resp *resty.Response) (time.Duration, error) {
	if asked := retryAfter(resp, time.Now()); asked > 0 {
		if asked > longestWait {
			return 0, fmt.Errorf("the server asks to wait %s before the next attempt", asked.Round(time.Second))
		}
		// Many clients are told the same number; do not return all at once.
		return asked + rand.N(asked/10+time.Millisecond), nil //nolint:gosec // jitter needs no secrecy
	}
	attempt := 1
	if resp != nil && resp.Request != nil {
		attempt = resp.Request.Attempt
	}
	pause := p.MinWait << min(attempt-1, 20)
	if pause <= 0 || pause > p.MaxWait {
		pause = p.MaxWait
	}
	return pause/2 + rand.N(pause/2+1), nil //nolint:gosec // jitter needs no secrecy
}

func retryAfter(resp *resty.Response, now time.Time) time.Duration {
	if resp == nil || resp.RawResponse == nil {
		return 0
	}
	text := resp.Header().Get("Retry-After")
	if n, err := strconv.Atoi(text); err == nil && n > 0 && n < 1<<20 {
		return time.Duration(n) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil && at.After(now) {
		return at.Sub(now)
	}
	return 0
}

type repeatable struct{}

// forwarded marks calls on somebody's behalf: they are told to wait, instead of being kept
// waiting here.
type forwarded struct{}

// shouldRetry repeats what may be repeated when the failure may pass.
func shouldRetry(resp *resty.Response, err error) bool {
	if resp == nil || resp.Request == nil {
		return false
	}
	ctx := resp.Request.Context()
	if ctx.Err() != nil || ctx.Value(repeatable{}) == nil {
		return false
	}
	if err != nil {
		return !errors.Is(err, resty.ErrResponseBodyTooLarge) && !errors.Is(err, resty.ErrAutoRedirectDisabled) &&
			!isCertificateError(err)
	}
	if ctx.Value(forwarded{}) != nil && retryAfter(resp, time.Now()) > 0 {
		return false
	}
	switch resp.StatusCode() {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// unreachable turns a connection failure into a problem that says what to check.
func unreachable(base string, err error) error {
	if errors.Is(err, context.Canceled) {
		return err
	}
	hint := "check the endpoint, the network and that the control plane runs"
	if isCertificateError(err) {
		hint = "the server's certificate is not trusted; if a private CA issued it, give its certificate as ca_certificate"
	}
	return &TransportError{
		Problem: api.NewProblem(api.CodeUnavailable, "%s cannot be reached: %v; %s.", base, err, hint),
		Err:     err,
	}
}

func isCertificateError(err error) bool {
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var host x509.HostnameError
	return errors.As(err, &verification) || errors.As(err, &authority) || errors.As(err, &host)
}

// TransportError is a problem made here, because no answer came.
type TransportError struct {
	Problem *api.Problem
	Err     error
}

// Error renders the problem.
func (e *TransportError) Error() string { return e.Problem.Error() }

// Unwrap gives errors.As the problem and errors.Is the cause.
func (e *TransportError) Unwrap() []error { return []error{e.Problem, e.Err} }

func isContextError(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}
