// Package receivertest is a receiver of security events for tests: an HTTPS server that
// reads tokens and checks their signatures by the standards, with nothing of ours.
//
// Tests of the doors and of package secevent import it; nothing else may.
package receivertest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/outbound"
)

// Receiver takes tokens in.
type Receiver struct {
	*httptest.Server
	mu       sync.Mutex
	answer   func(Token) Answer
	all      []Token
	accepted []Token
}

// Answer is what the receiver says to a token; the zero Answer accepts it.
type Answer struct {
	Status int
	Body   string
	Header map[string]string
}

// Token is a token as it came.
type Token struct {
	Raw    string
	Path   string
	Sent   http.Header
	Header map[string]any // of the token
	Claims map[string]any
	ID     string // jti
	Event  string // URI of its one event
	Said   map[string]any
}

// New starts a receiver that accepts everything.
func New(t testing.TB) *Receiver {
	t.Helper()
	r := &Receiver{}
	r.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		raw, _ := io.ReadAll(req.Body)
		token, err := Read(string(raw))
		if err != nil {
			t.Errorf("%s %s: %v: %.200q", req.Method, req.URL, err, raw)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		if req.Method != http.MethodPost || req.Header.Get("Content-Type") != "application/secevent+jwt" || req.Header.Get("Accept") != "application/json" {
			t.Errorf("%s with %v is no push (RFC 8935 section 2.1)", req.Method, req.Header)
		}
		token.Path, token.Sent = req.URL.Path, req.Header
		r.mu.Lock()
		defer r.mu.Unlock()
		answer := Answer{}
		if r.answer != nil {
			answer = r.answer(token)
		}
		if answer.Status == 0 {
			answer.Status = http.StatusAccepted
		}
		r.all = append(r.all, token)
		if answer.Status/100 == 2 {
			r.accepted = append(r.accepted, token)
		}
		for name, value := range answer.Header {
			w.Header().Set(name, value)
		}
		w.WriteHeader(answer.Status)
		_, _ = io.WriteString(w, answer.Body)
	}))
	t.Cleanup(r.Close)
	return r
}

// Answers decides what is said to tokens from now on; nil accepts them.
func (r *Receiver) Answers(f func(Token) Answer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = f
}

// All lists the tokens that came, also those that were not accepted.
func (r *Receiver) All() []Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.all)
}

// Accepted lists the tokens that were accepted.
func (r *Receiver) Accepted() []Token {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.accepted)
}

// Client is one that reaches the receiver.
func (r *Receiver) Client(o outbound.Options) *http.Client {
	pool := x509.NewCertPool()
	pool.AddCert(r.Certificate())
	o.AllowLoopback, o.TLS = true, &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	return outbound.NewClient(o)
}

// Read takes a token apart, without looking at its signature.
func Read(raw string) (Token, error) {
	t := Token{Raw: raw}
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		return t, errors.New("not three parts")
	}
	for i, into := range []*map[string]any{&t.Header, &t.Claims} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil {
			return t, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return t, err
		}
	}
	t.ID, _ = t.Claims["jti"].(string)
	events, _ := t.Claims["events"].(map[string]any)
	if len(events) != 1 {
		return t, fmt.Errorf("%d events", len(events))
	}
	for uri, said := range events {
		t.Event = uri
		t.Said, _ = said.(map[string]any)
	}
	return t, nil
}

// Verify checks the signature of a token with a key set (RFC 7515, RFC 7517, RFC 7518).
func (t Token) Verify(jwks []byte) error {
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	if err := json.Unmarshal(jwks, &set); err != nil {
		return err
	}
	i := slices.IndexFunc(set.Keys, func(k map[string]string) bool { return k["kid"] == t.Header["kid"] })
	if i < 0 {
		return fmt.Errorf("key %v is not in the set", t.Header["kid"])
	}
	k := set.Keys[i]
	for name := range k {
		if slices.Contains([]string{"d", "p", "q", "dp", "dq", "qi", "k"}, name) {
			return fmt.Errorf("the key set tells the secret %s", name)
		}
	}
	if k["alg"] != t.Header["alg"] || k["use"] != "sig" {
		return fmt.Errorf("key %v for a token of %v", k, t.Header)
	}
	signed, signature, _ := strings.Cut(t.Raw[strings.Index(t.Raw, ".")+1:], ".")
	signed = t.Raw[:strings.Index(t.Raw, ".")+1] + signed
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(signed))
	number := func(name string) *big.Int {
		b, decodeErr := base64.RawURLEncoding.DecodeString(k[name])
		err = errors.Join(err, decodeErr)
		return new(big.Int).SetBytes(b)
	}
	switch k["kty"] {
	case "RSA":
		key := &rsa.PublicKey{N: number("n"), E: int(number("e").Int64())}
		if err != nil || key.N.BitLen() < 2048 {
			return fmt.Errorf("a key of %d bits: %w", key.N.BitLen(), err)
		}
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest[:], raw)
	case "EC":
		point := append([]byte{4}, append(number("x").FillBytes(make([]byte, 32)), number("y").FillBytes(make([]byte, 32))...)...)
		key, parseErr := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
		if err = errors.Join(err, parseErr); err != nil || k["crv"] != "P-256" || len(raw) != 64 {
			return fmt.Errorf("curve %q, %d bytes: %w", k["crv"], len(raw), err)
		}
		if !ecdsa.Verify(key, digest[:], new(big.Int).SetBytes(raw[:32]), new(big.Int).SetBytes(raw[32:])) {
			return errors.New("the signature is wrong")
		}
		return nil
	}
	return fmt.Errorf("key type %q", k["kty"])
}
