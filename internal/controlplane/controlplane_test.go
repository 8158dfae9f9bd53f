package controlplane_test

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/server/servertest"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// freeAddress finds a loopback port that nobody listens on.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

func get(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	_, body := servertest.Do(t, req)
	return string(body)
}

func TestPlainHTTPIsServedOnLoopbackOnly(t *testing.T) {
	cp, err := controlplane.Open(t.Context(), controlplane.Config{Data: t.TempDir(), Address: "0.0.0.0:0", Log: quiet()})
	if err == nil {
		_ = cp.Close()
		t.Fatal("a control plane without TLS listens on every address")
	}
	if !strings.Contains(err.Error(), "--tls-cert") {
		t.Errorf("the refusal does not say what to do: %v", err)
	}
}

func TestMetricsCountRequestsByRouteAndStatus(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	metrics := freeAddress(t)
	cp, err := controlplane.Open(ctx, controlplane.Config{Data: t.TempDir(), Address: "127.0.0.1:0", Metrics: metrics, Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cp.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if err := cp.Close(); err != nil {
			t.Error(err)
		}
	})
	get(t, cp.BaseURL+"/v1/whoami")
	want := `http_response_status_code="401",http_route="/v1/whoami"`
	for range 50 {
		if strings.Contains(get(t, "http://"+metrics+"/metrics"), want) {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("the metrics never show %s", want)
}

func TestTheFirstStartLeavesAnOperatorTokenAndLaterOnesKeepIt(t *testing.T) {
	data := t.TempDir()
	var first string
	for range 2 {
		cp, err := controlplane.Open(t.Context(), controlplane.Config{Data: data, Address: "127.0.0.1:0", Log: quiet()})
		if err != nil {
			t.Fatal(err)
		}
		path, err := cp.EnsureOperatorToken(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		token := readFile(t, path)
		if first == "" {
			first = token
		}
		if token != first || !strings.HasPrefix(token, "gho_") {
			t.Errorf("the operator's token changed, or is none: %.6s…", token)
		}
		if err := cp.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
