package mail_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// letter is what a server took.
type letter struct {
	from, to string
	data     string
	tls      bool
	user     string
}

// smtpServer speaks as much of RFC 5321 as a client needs.
type smtpServer struct {
	url string

	mu        sync.Mutex
	letters   []letter
	refuse    map[string]string // answer by verb, e.g. "RCPT": "550 5.1.1 no such user"
	afterData string            // "drop": the connection ends when the message was taken
	tls       *tls.Config
	password  string // needed when not empty
	listener  net.Listener
	conns     map[net.Conn]bool
}

// certificate makes one for 127.0.0.1, and the pool that trusts it.
func certificate(t *testing.T) (*tls.Config, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}, MinVersion: tls.VersionTLS12}, pool
}

// serve starts a server on a loopback port, or again on the one that it had.
func (s *smtpServer) serve(t *testing.T, address string) {
	t.Helper()
	l, err := new(net.ListenConfig).Listen(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	s.mu.Lock()
	s.listener, s.url, s.conns = l, "smtp://"+l.Addr().String(), map[net.Conn]bool{}
	if s.refuse == nil {
		s.refuse = map[string]string{}
	}
	s.mu.Unlock()
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns[conn] = true
			s.mu.Unlock()
			go s.talk(conn)
		}
	}()
	t.Cleanup(s.stop)
}

func (s *smtpServer) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
}

func (s *smtpServer) taken() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}

func (s *smtpServer) answer(verb, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refuse[verb] = text
}

func (s *smtpServer) talk(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	in := bufio.NewReader(conn)
	say := func(text string) { _, _ = fmt.Fprintf(conn, "%s\r\n", text) }
	var l letter
	say("220 test ESMTP")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		s.mu.Lock()
		refusal, config, password, after := s.refuse[verb], s.tls, s.password, s.afterData
		s.mu.Unlock()
		if refusal != "" {
			say(refusal)
			continue
		}
		switch verb {
		case "EHLO":
			say("250-test")
			if config != nil && !l.tls {
				say("250-STARTTLS")
			}
			if password != "" {
				say("250-AUTH PLAIN")
			}
			say("250 ENHANCEDSTATUSCODES")
		case "STARTTLS":
			say("220 go")
			secure := tls.Server(conn, config)
			if secure.Handshake() != nil {
				return
			}
			conn, in = secure, bufio.NewReader(secure)
			say = func(text string) { _, _ = fmt.Fprintf(secure, "%s\r\n", text) }
			l.tls = true
		case "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			parts := strings.Split(string(raw), "\x00")
			if len(parts) != 3 || parts[2] != password {
				say("535 5.7.8 no")
				continue
			}
			l.user = parts[1]
			say("235 2.7.0 yes")
		case "MAIL":
			if password != "" && l.user == "" {
				say("530 5.7.0 sign in first")
				continue
			}
			l.from = rest
			say("250 2.1.0 ok")
		case "RCPT":
			l.to += rest
			say("250 2.1.5 ok")
		case "DATA":
			say("354 go")
			l.data = ""
			for {
				line, err := in.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				l.data += line
			}
			s.mu.Lock()
			s.letters = append(s.letters, l)
			s.mu.Unlock()
			say("250 2.0.0 taken")
			if after == "drop" {
				return
			}
			l.to = ""
		case "QUIT":
			say("221 bye")
			return
		default:
			say("250 2.0.0 ok")
		}
	}
}
