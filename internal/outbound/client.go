package outbound

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"
)

// Options of a client. The zero value is right outside of tests.
type Options struct {
	// Resolver of names; the system's when nil.
	Resolver *net.Resolver
	// AllowLoopback lets tests receive on this machine.
	AllowLoopback bool
	// TLS replaces the certificates that are trusted.
	TLS *tls.Config
	// KeepAlive uses a connection again for what is sent soon after.
	KeepAlive bool
}

// MaxAnswer bounds what is read of an answer: of its header, and of its body by who
// reads it.
const MaxAnswer = 16 << 10

const timeout = 15 * time.Second

// NewClient makes a client that connects to public addresses only.
func NewClient(o Options) *http.Client {
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		config = o.TLS.Clone()
	}
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			Proxy:       nil, // a proxy would connect where the dialer may not
			DialContext: o.dialer().DialContext, TLSClientConfig: config, TLSHandshakeTimeout: 5 * time.Second,
			ResponseHeaderTimeout: 10 * time.Second, MaxResponseHeaderBytes: MaxAnswer, DisableKeepAlives: !o.KeepAlive,
			MaxIdleConns: 20, MaxIdleConnsPerHost: 1, IdleConnTimeout: 10 * time.Second, ForceAttemptHTTP2: false,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// Unnamed takes the address out of an error of a client: it may be a secret.
func Unnamed(err error) error {
	if errors.Is(err, ErrInside) {
		return ErrInside
	}
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return errors.New("the name of the receiver cannot be resolved")
	}
	var wrong *url.Error
	if errors.As(err, &wrong) {
		err = wrong.Err
	}
	var op *net.OpError
	if errors.As(err, &op) && op.Err != nil {
		return fmt.Errorf("connecting to the receiver: %w", op.Err)
	}
	var unknown *tls.CertificateVerificationError
	if errors.As(err, &unknown) {
		return errors.New("the receiver's certificate is not trusted")
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the receiver did not answer in time")
	}
	return errors.New("the receiver could not be reached")
}
