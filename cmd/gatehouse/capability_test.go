package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/controlplane"
)

// C001, X01: TLS 1.3 unless the operator says 1.2, and never less.
func TestTLS13IsTheDefaultAnd12TheFloor(t *testing.T) {
	if got := newServeCommand().Flag("min-tls").DefValue; got != "1.3" {
		t.Errorf("--min-tls is %q by default, want 1.3", got)
	}
	cert, key, pool := serverCertificate(t)
	for _, lower := range []string{"1.1", "1.0", "", "none"} {
		if _, err := loadTLS(cert, key, lower); err == nil {
			t.Errorf("--min-tls %q was accepted", lower)
		}
	}
	if _, err := loadTLS(cert, "", "1.3"); err == nil {
		t.Error("a certificate without its key was accepted")
	}
	for _, c := range []struct {
		lowest  string
		client  uint16 // highest version that the client speaks
		accepts bool
	}{
		{"1.3", tls.VersionTLS13, true},
		{"1.3", tls.VersionTLS12, false},
		{"1.2", tls.VersionTLS13, true},
		{"1.2", tls.VersionTLS12, true},
		{"1.2", tls.VersionTLS11, false},
		{"1.2", tls.VersionTLS10, false},
	} {
		t.Run(c.lowest+" to a client of "+tls.VersionName(c.client), func(t *testing.T) {
			config, err := loadTLS(cert, key, c.lowest)
			if err != nil {
				t.Fatal(err)
			}
			address := serveTLS(t, config)
			conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS10, MaxVersion: c.client}}).DialContext(t.Context(), "tcp", address)
			if (err == nil) != c.accepts {
				t.Fatalf("handshake: %v, want accepted %v", err, c.accepts)
			}
			if err != nil {
				return
			}
			if got := conn.(*tls.Conn).ConnectionState().Version; got != c.client {
				t.Errorf("spoken: %s, want %s", tls.VersionName(got), tls.VersionName(c.client))
			}
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

// serveTLS runs a control plane behind the certificate and answers its address.
func serveTLS(t *testing.T, config *tls.Config) string {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cp, err := controlplane.Open(ctx, controlplane.Config{Data: t.TempDir(), Address: "127.0.0.1:0", TLS: config, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		cancel()
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
	const scheme = "https://"
	if cp.BaseURL[:len(scheme)] != scheme {
		t.Fatalf("served at %s", cp.BaseURL)
	}
	return cp.BaseURL[len(scheme):]
}

// serverCertificate writes a certificate for the loopback address and its key.
func serverCertificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "gatehouse.example.com"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), BasicConstraintsValid: true, IsCA: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, c, c, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	cert, key, pool = filepath.Join(t.TempDir(), "cert.pem"), filepath.Join(t.TempDir(), "key.pem"), x509.NewCertPool()
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	pool.AppendCertsFromPEM(certPEM)
	for path, content := range map[string][]byte{cert: certPEM, key: pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return cert, key, pool
}
