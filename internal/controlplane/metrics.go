package controlplane

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/instrumentation/net/http/otelhttp"
	otelprom "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/sdk/metric"
)

// metrics measures requests and serves the numbers on an address of their own, so
// that who may scrape is decided by the network and no token is spread for it.
type metrics struct {
	listener net.Listener
	registry *prometheus.Registry
	provider *metric.MeterProvider
}

func newMetrics(ctx context.Context, address string) (*metrics, error) {
	registry := prometheus.NewRegistry()
	exporter, err := otelprom.New(otelprom.WithRegisterer(registry))
	if err != nil {
		return nil, fmt.Errorf("preparing metrics: %w", err)
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listening for metrics: %w", err)
	}
	return &metrics{listener: l, registry: registry, provider: metric.NewMeterProvider(metric.WithReader(exporter))}, nil
}

// measure counts and times the requests of a handler by method, route and status.
func (m *metrics) measure(h http.Handler) http.Handler {
	return otelhttp.NewHandler(h, "gatehouse", otelhttp.WithMeterProvider(m.provider))
}

// serve answers /metrics until the context ends.
func (m *metrics) serve(ctx context.Context) error {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: 2 * time.Minute}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(m.listener) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
	defer cancel()
	return errors.Join(srv.Shutdown(grace), m.provider.Shutdown(grace))
}
