package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/bridge"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
)

// bridgeConfig is what an operator decides about a SCIM door apart from the control plane.
type bridgeConfig struct {
	api, ca string         // the control plane, and what vouches for it
	address string         // to listen on
	baseURL string         // as identity providers see it; derived from the address when empty
	path    string         // under which SCIM is served
	proxies []netip.Prefix // whose X-Forwarded-For says who asks
	tls     *tls.Config    // needed for any address that is not loopback
	log     *slog.Logger
}

// scimBridge is a running SCIM door. It keeps nothing: as many as you like may run.
type scimBridge struct {
	URL      string
	listener net.Listener
	server   *http.Server
	tls      *tls.Config
}

// maxBridgeHeaders bounds the headers of a request.
const maxBridgeHeaders = 64 << 10

// openBridge listens, but serves nothing yet: run does.
func openBridge(ctx context.Context, c bridgeConfig) (*scimBridge, error) {
	conn, err := client.New(client.Config{Endpoint: c.api, Forwarding: true, CACertificate: c.ca, MaxConcurrency: 64, Door: "scim", UserAgent: "gatehouse-scim/" + version,
		// Identity providers come again by themselves, and do not wait long.
		Retry: client.RetryPolicy{MaxAttempts: 3, MinWait: 100 * time.Millisecond, MaxWait: time.Second}})
	if err != nil {
		return nil, fmt.Errorf("--api: %w", err)
	}
	if !strings.HasPrefix(c.path, "/") || strings.ContainsAny(c.path, "?#%") {
		return nil, fmt.Errorf("--path is %q; write e.g. /scim/v2", c.path)
	}
	c.path = strings.TrimRight(c.path, "/")
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.address)
	if err != nil {
		return nil, fmt.Errorf("listening: %w", err)
	}
	tcp, isTCP := l.Addr().(*net.TCPAddr)
	if c.tls == nil && (!isTCP || !tcp.IP.IsLoopback()) {
		return nil, errors.Join(fmt.Errorf("%s is not a loopback address: give a certificate (--tls-cert, --tls-key)", l.Addr()), l.Close())
	}
	base := strings.TrimRight(c.baseURL, "/")
	if base == "" {
		base = "http://" + l.Addr().String()
		if c.tls != nil {
			base = "https://" + l.Addr().String()
		}
	}
	b := bridge.New(conn, c.log)
	door, err := scim.New(scim.Options{Directory: b, Authenticator: b, Observer: b, Prefix: c.path, BaseURL: base + c.path})
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("ok\n")) })
	root := strings.TrimSuffix(c.path, "/v2") // also without a version: RFC 7644 section 3.13
	if root == "" {
		root = c.path
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == c.path || strings.HasPrefix(r.URL.Path, root+"/") {
			door.ServeHTTP(w, r) // the path as it was sent: cleaning it would redirect
			return
		}
		mux.ServeHTTP(w, r)
	})
	return &scimBridge{URL: base + c.path, listener: l, tls: c.tls, server: &http.Server{
		Handler: server.Behind(c.proxies, handler), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 60 * time.Second, WriteTimeout: 5 * time.Minute, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: maxBridgeHeaders, ErrorLog: slog.NewLogLogger(c.log.Handler(), slog.LevelWarn), TLSConfig: c.tls,
	}}, nil
}

// run serves until the context ends, then lets requests finish.
func (b *scimBridge) run(ctx context.Context) error {
	done := make(chan error, 1)
	go func() {
		if b.tls != nil {
			done <- b.server.ServeTLS(b.listener, "", "")
			return
		}
		done <- b.server.Serve(b.listener)
	}()
	select {
	case err := <-done:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	if err := b.server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("stopping: %w", err)
	}
	return nil
}

// bridgeFlags are the flags of `gatehouse scim --api`.
type bridgeFlags struct {
	config            bridgeConfig
	caFile, cert, key string
	minTLS            string
	proxies           []string
}

func (f *bridgeFlags) add(c *cobra.Command) {
	c.Flags().StringVar(&f.config.api, "api", "", "base URL of the control plane; serves SCIM apart from it")
	c.Flags().StringVar(&f.caFile, "api-ca", "", "certificate (PEM) of the authority that issued the control plane's")
	c.Flags().StringVar(&f.config.address, "listen", "127.0.0.1:8461", "address to listen on; port 0 takes a free one")
	c.Flags().StringVar(&f.config.baseURL, "base-url", "", "absolute URL that identity providers use, without --path; derived from --listen when empty")
	c.Flags().StringVar(&f.config.path, "path", "/scim/v2", "path under which SCIM is served")
	c.Flags().StringVar(&f.cert, "tls-cert", "", "certificate (PEM)")
	c.Flags().StringVar(&f.key, "tls-key", "", "private key (PEM)")
	c.Flags().StringSliceVar(&f.proxies, "trusted-proxies", nil, "addresses or CIDR ranges of proxies before this process whose X-Forwarded-For says who asks, e.g. 127.0.0.1")
	c.Flags().StringVar(&f.minTLS, "min-tls", "1.2", "lowest TLS version: 1.3 or 1.2, which some identity providers still need")
}

func (f *bridgeFlags) serve(cmd *cobra.Command) error {
	var err error
	if f.config.tls, err = loadTLS(f.cert, f.key, f.minTLS); err != nil {
		return err
	}
	if f.config.proxies, err = prefixes(f.proxies); err != nil {
		return err
	}
	if f.caFile != "" {
		raw, err := readBounded(f.caFile, maxCA)
		if err != nil {
			return fmt.Errorf("--api-ca: %w", err)
		}
		f.config.ca = string(raw)
	}
	f.config.log = slog.New(slog.NewJSONHandler(cmd.ErrOrStderr(), nil))
	b, err := openBridge(cmd.Context(), f.config)
	if err != nil {
		return err
	}
	fmt.Fprintf(cmd.OutOrStdout(), "gatehouse %s serves SCIM at %s for %s\n", version, b.URL, f.config.api)
	return b.run(cmd.Context())
}

const maxCA = 1 << 20
