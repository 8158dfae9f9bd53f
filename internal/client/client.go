package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
	"unicode/utf16"

	"github.com/go-resty/resty/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Request headers of the API.
const (
	headerIdempotencyKey = "Idempotency-Key"
	headerStack          = "Gatehouse-Stack"
	headerChangeContext  = "Gatehouse-Change-Context"
	headerReason         = "Gatehouse-Reason"
	headerAdopt          = "Gatehouse-Adopt"
	headerDoor           = "Gatehouse-Door"
	headerForwardedFor   = "X-Forwarded-For"
)

// Bounds and defaults.
const (
	DefaultMaxConcurrency = 8
	maxConcurrency        = 64
	defaultTimeout        = 60 * time.Second
	maxResponseBytes      = 32 << 20
)

// ErrReadOnly is returned, wrapped, by every write of a read-only client.
var ErrReadOnly = errors.New("the client is read-only")

// Config says which control plane to talk to, as whom, and how patiently.
type Config struct {
	// Endpoint is the base URL: https, or http on a loopback address.
	Endpoint string
	// Token is the bearer token. It is only ever put in the Authorization header.
	Token string
	// Forwarding makes a client without a token of its own: each call is made As the
	// holder of somebody else's.
	Forwarding bool
	// Stack marks writes as Terraform's and names the owner of what they touch.
	Stack string
	// ChangeContext is sent with every write.
	ChangeContext *api.ChangeContext
	// CACertificate holds PEM certificates to trust beside the system's.
	CACertificate string
	// MaxConcurrency bounds requests in flight; DefaultMaxConcurrency when zero.
	MaxConcurrency int
	// Timeout bounds one attempt of a request; a minute when zero.
	Timeout time.Duration
	Retry   RetryPolicy
	// ReadOnly makes every write fail before it is sent.
	ReadOnly bool
	// Door is told to the audit log ("cli"); rest when empty.
	Door      string
	UserAgent string
	// Trace, when set, is called after each attempt. It sees no header and no body.
	Trace Trace
}

// Trace is told about one attempt of a request; status is 0 when no answer came.
type Trace func(ctx context.Context, method, path string, status int, took time.Duration)

// Client is a connection to one control plane. It is safe for concurrent use.
type Client struct {
	http     *resty.Client
	base     string
	readOnly bool
	as       string // token that a forwarding client sends
	from     string // address of whom it sends it for
	// writeHeaders go with everything that may change something.
	writeHeaders map[string]string
}

// New checks the configuration and prepares a client. It sends nothing.
func New(cfg Config) (*Client, error) {
	base, err := checkEndpoint(cfg.Endpoint)
	if err != nil {
		return nil, err
	}
	if cfg.Token == "" != cfg.Forwarding || strings.ContainsAny(cfg.Token, "\r\n\t ") {
		return nil, errors.New("the token is empty or holds white space; pass the value exactly as it was issued")
	}
	transport, err := newTransport(cfg)
	if err != nil {
		return nil, err
	}
	headers := map[string]string{}
	if cfg.Stack != "" {
		if strings.ContainsFunc(cfg.Stack, func(r rune) bool { return r < ' ' || r > '~' }) || len(cfg.Stack) > 200 {
			return nil, errors.New("the stack must be at most 200 printable ASCII characters, e.g. github.com/acme/infra//access")
		}
		headers[headerStack] = cfg.Stack
	}
	if !cfg.ChangeContext.IsZero() {
		text, err := json.Marshal(cfg.ChangeContext)
		if err != nil {
			return nil, fmt.Errorf("encoding the change context: %w", err)
		}
		headers[headerChangeContext] = asciiJSON(text)
	}
	timeout := cfg.Timeout
	if timeout <= 0 {
		timeout = defaultTimeout
	}
	policy := cfg.Retry.withDefaults()
	c := &Client{base: base, readOnly: cfg.ReadOnly, writeHeaders: headers}
	c.http = resty.New().
		SetTransport(transport).
		SetTimeout(timeout).
		// A redirect would carry the token to a place nobody configured.
		SetRedirectPolicy(resty.NoRedirectPolicy()).
		SetResponseBodyLimit(maxResponseBytes).
		SetLogger(silent{}).
		SetDisableWarn(true).
		SetHeader("Accept", "application/json, application/problem+json").
		SetRetryCount(policy.MaxAttempts - 1).
		SetRetryWaitTime(time.Nanosecond).
		SetRetryMaxWaitTime(longestWait).
		SetRetryAfter(policy.wait).
		AddRetryCondition(shouldRetry)
	if cfg.Token != "" {
		c.http.SetHeader("Authorization", "Bearer "+cfg.Token)
	}
	if cfg.UserAgent != "" {
		c.http.SetHeader("User-Agent", cfg.UserAgent)
	}
	if cfg.Door != "" {
		c.http.SetHeader(headerDoor, cfg.Door)
	}
	return c, nil
}

// asciiJSON writes JSON so that it can be a header: names may hold any letter.
func asciiJSON(text []byte) string {
	var b strings.Builder
	for _, r := range string(text) {
		if r < 0x80 {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.Encode([]rune{r}) {
			fmt.Fprintf(&b, "\\u%04x", unit)
		}
	}
	return b.String()
}

// Endpoint is the base URL without a trailing slash.
func (c *Client) Endpoint() string { return c.base }

// ReadOnly reports whether writes are refused before they are sent.
func (c *Client) ReadOnly() bool { return c.readOnly }

func checkEndpoint(endpoint string) (string, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fmt.Errorf("%q is not an endpoint; write e.g. https://gatehouse.example.com", endpoint)
	}
	switch {
	case u.Scheme == "https":
	case u.Scheme == "http" && isLoopback(u.Hostname()):
	case u.Scheme == "http":
		return "", fmt.Errorf("%q would send the token in the clear; use https (http is accepted for loopback addresses only)", endpoint)
	default:
		return "", fmt.Errorf("%q is not an endpoint; write e.g. https://gatehouse.example.com", endpoint)
	}
	return strings.TrimRight(endpoint, "/"), nil
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

func newTransport(cfg Config) (http.RoundTripper, error) {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if cfg.CACertificate != "" {
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM([]byte(cfg.CACertificate)) {
			return nil, errors.New("the CA certificate holds no PEM certificate; it must start with -----BEGIN CERTIFICATE-----")
		}
		tlsConfig.RootCAs = pool
	}
	limit := cfg.MaxConcurrency
	if limit == 0 {
		limit = DefaultMaxConcurrency
	}
	if limit < 1 || limit > maxConcurrency {
		return nil, fmt.Errorf("the concurrency %d is out of range; use 1 to %d", limit, maxConcurrency)
	}
	base := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    10 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           limit,
		MaxIdleConnsPerHost:    limit,
		IdleConnTimeout:        90 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &limited{base: base, slots: make(chan struct{}, limit), trace: cfg.Trace}, nil
}
