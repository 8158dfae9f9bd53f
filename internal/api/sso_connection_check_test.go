package api

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"
)

// certificate makes a self-signed certificate of a key.
func certificate(t *testing.T, key crypto.Signer, algorithm x509.SignatureAlgorithm, notAfter time.Time) string {
	t.Helper()
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp.example.com"}, NotBefore: notAfter.AddDate(-3, 0, 0), NotAfter: notAfter, SignatureAlgorithm: algorithm}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func ecKey(t *testing.T, curve elliptic.Curve) *ecdsa.PrivateKey {
	t.Helper()
	k, err := ecdsa.GenerateKey(curve, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// forged is a certificate whose algorithm says SHA-1: Go makes none, so the OID of a
// good one is replaced (ecdsa-with-SHA256, RFC 5758 section 3.2, by ecdsa-with-SHA1).
func forged(t *testing.T) string {
	t.Helper()
	block, _ := pem.Decode([]byte(certificate(t, ecKey(t, elliptic.P256()), 0, time.Now().AddDate(1, 0, 0))))
	sha256OID := "\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02"
	sha1OID := "\x06\x07\x2a\x86\x48\xce\x3d\x04\x01"
	der := string(block.Bytes)
	if strings.Count(der, sha256OID) != 2 {
		t.Fatalf("the certificate names its algorithm %d times", strings.Count(der, sha256OID))
	}
	// The new OID is a byte shorter, so the lengths around it are mended as well.
	der = strings.ReplaceAll(der, "\x30\x0a"+sha256OID, "\x30\x09"+sha1OID)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: shortened([]byte(der))}))
}

// shortened mends the two lengths around the rewritten parts: of the certificate (two
// bytes shorter) and of what is signed in it (one byte shorter).
func shortened(der []byte) []byte {
	out := append([]byte(nil), der...)
	lower := func(at int, by int) {
		switch out[at] {
		case 0x81:
			out[at+1] -= byte(by)
		case 0x82:
			n := int(out[at+1])<<8 | int(out[at+2])
			n -= by
			out[at+1], out[at+2] = byte(n>>8), byte(n)
		}
	}
	lower(1, 2)
	inner := 4
	if out[1] == 0x81 {
		inner = 3
	}
	lower(inner+1, 1)
	return out
}

func TestCertificatesThatMustNotBeTrustedAreRefusedAtTheirPlace(t *testing.T) {
	good := certificate(t, ecKey(t, elliptic.P256()), 0, time.Now().AddDate(1, 0, 0))
	weakRSA, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	strongRSA, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	secret := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: []byte("do not repeat me")}))
	cases := []struct{ name, pem, says string }{
		{"good EC", good, ""},
		{"good RSA", certificate(t, strongRSA, 0, time.Now().AddDate(1, 0, 0)), ""},
		{"good with spaces around", "\n" + good + "\n\n", ""},
		{"not PEM", "MIIC", "-----BEGIN CERTIFICATE-----"},
		{"private key", secret, "is a private key; take it out"},
		{"public key", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY"})), `type "PUBLIC KEY"`},
		{"two in one", good + good, "each as an element of its own"},
		{"not a certificate", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte{1, 2}})), "cannot be read"},
		{"expired", certificate(t, ecKey(t, elliptic.P256()), 0, time.Now().Add(-time.Hour)), "expired on"},
		{"RSA 1024", certificate(t, weakRSA, 0, time.Now().AddDate(1, 0, 0)), "1024 bits; let the identity provider make one of 2048"},
		{"EC P-224", certificate(t, ecKey(t, elliptic.P224()), 0, time.Now().AddDate(1, 0, 0)), "P-256 or larger"},
		{"Ed25519", certificate(t, ed, 0, time.Now().AddDate(1, 0, 0)), "RSA 2048 or EC P-256"},
		{"SHA-1", forged(t), "ECDSA-SHA1, which can be forged"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conn := &SSOConnection{Protocol: "saml", SAML: &SAMLSettings{EntityID: "https://idp.example.com", SSOURL: "https://idp.example.com/sso", Certificates: []string{good, c.pem}}}
			got := conn.Validate()
			if c.says == "" {
				if len(got) != 0 {
					t.Fatalf("refused: %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Path != "/saml/certificates/1" || !strings.Contains(got[0].Message, c.says) {
				t.Fatalf("violations = %+v, want one at /saml/certificates/1 that says %q", got, c.says)
			}
			if strings.Contains(got[0].Message, "repeat me") || strings.Contains(got[0].Message, "ZG8g") {
				t.Error("the message repeats the key")
			}
		})
	}
}

func TestSettingsBelongToTheProtocol(t *testing.T) {
	cert := certificate(t, ecKey(t, elliptic.P256()), 0, time.Now().AddDate(1, 0, 0))
	saml := map[string]any{"entity_id": "https://idp.example.com", "sso_url": "https://idp.example.com/sso", "certificates": []any{cert}}
	oidc := map[string]any{"issuer": "https://idp.example.com", "client_id": "gatehouse"}
	with := func(from map[string]any, more ...any) map[string]any {
		out := map[string]any{}
		for k, v := range from {
			out[k] = v
		}
		for i := 0; i+1 < len(more); i += 2 {
			if out[more[i].(string)] = more[i+1]; more[i+1] == nil {
				delete(out, more[i].(string))
			}
		}
		return out
	}
	cases := []struct {
		name, protocol string
		saml, oidc     map[string]any
		preset         string
		at, says       string
	}{
		{"saml", "saml", saml, nil, "okta", "", ""},
		{"oidc", "oidc", nil, oidc, "generic", "", ""},
		{"saml without settings", "saml", nil, nil, "okta", "/saml", "metadata_url"},
		{"oidc without settings", "oidc", nil, nil, "okta", "/oidc", "issuer and client_id"},
		{"oidc settings of saml", "saml", saml, oidc, "okta", "/oidc", "remove it"},
		{"saml settings of oidc", "oidc", saml, oidc, "okta", "/saml", "remove it"},
		{"no identity provider", "saml", map[string]any{}, nil, "okta", "/saml", "is not described"},
		{"two ways at once", "saml", with(saml, "metadata_url", "https://idp.example.com/metadata"), nil, "okta", "/saml", "2 ways"},
		{"no entity id", "saml", with(saml, "entity_id", nil), nil, "okta", "/saml/entity_id", "needed"},
		{"no URL", "saml", with(saml, "sso_url", nil), nil, "okta", "/saml/sso_url", "needed"},
		{"no certificate", "saml", with(saml, "certificates", nil), nil, "okta", "/saml/certificates", "no assertion can be trusted"},
		{"plain http", "saml", with(saml, "sso_url", "http://idp.example.com/sso"), nil, "okta", "/saml/sso_url", "https"},
		{"metadata that is none", "saml", map[string]any{"metadata_xml": "<a/>"}, nil, "okta", "/saml/metadata_xml", "EntityDescriptor"},
		{"no ID token", "oidc", nil, with(oidc, "scopes", []any{"email"}), "okta", "/oidc/scopes", "openid"},
		{"discovery address", "oidc", nil, with(oidc, "issuer", "https://idp.example.com/.well-known/openid-configuration"), "okta", "/oidc/issuer", "write the issuer, https://idp.example.com"},
		{"every tenant", "oidc", nil, with(oidc, "issuer", "https://login.microsoftonline.com/common/v2.0"), "entra_id", "/oidc/issuer", "your own tenant's issuer"},
		{"every tenant by its old name", "oidc", nil, with(oidc, "issuer", "https://login.microsoftonline.com/organizations/v2.0"), "azure_ad", "/oidc/issuer", "your own tenant's issuer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			doc := map[string]any{"name": "corp", "protocol": c.protocol, "preset": c.preset}
			if c.saml != nil {
				doc["saml"] = c.saml
			}
			if c.oidc != nil {
				doc["oidc"] = c.oidc
			}
			raw, err := json.Marshal(doc)
			if err != nil {
				t.Fatal(err)
			}
			_, got, err := SSOConnectionKind.Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if c.at == "" {
				if len(got) != 0 {
					t.Fatalf("refused: %+v", got)
				}
				return
			}
			if len(got) != 1 || got[0].Path != c.at || !strings.Contains(got[0].Message, c.says) {
				t.Fatalf("violations = %+v, want one at %s that says %q", got, c.at, c.says)
			}
		})
	}
}

// metadata is a document as identity providers publish it.
func metadata(inside string) string {
	return fmt.Sprintf(`<?xml version="1.0" encoding="UTF-8"?>
<!-- made by the identity provider -->
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com">
%s</md:EntityDescriptor>`, inside)
}

func idp(attributes, cert, use string) string {
	block, _ := pem.Decode([]byte(cert))
	body := strings.Join(strings.Split(strings.TrimSpace(string(pem.EncodeToMemory(block))), "\n"), "\n    ")
	body = strings.NewReplacer("-----BEGIN CERTIFICATE-----", "", "-----END CERTIFICATE-----", "").Replace(body)
	return `<md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"` + attributes + `>
  <md:KeyDescriptor` + use + `><ds:KeyInfo><ds:X509Data><ds:X509Certificate>` + body + `</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>
  <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/post"/>
  <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/redirect"/>
</md:IDPSSODescriptor>
`
}

func TestMetadataOfAnIdentityProviderIsRead(t *testing.T) {
	end := time.Now().AddDate(1, 0, 0).UTC().Truncate(time.Second)
	cert := certificate(t, ecKey(t, elliptic.P256()), 0, end)
	m, err := ParseSAMLMetadata([]byte(metadata(idp("", cert, ` use="signing"`))))
	if err != nil {
		t.Fatal(err)
	}
	if m.EntityID != "https://idp.example.com" || m.SSOURL != "https://idp.example.com/redirect" || len(m.Certificates) != 1 || strings.TrimSpace(m.Certificates[0]) != strings.TrimSpace(cert) || !m.NotAfter.Equal(end) {
		t.Errorf("metadata = %+v", m)
	}
	sooner := end.AddDate(0, -6, 0)
	m, err = ParseSAMLMetadata([]byte(metadata(idp(` validUntil="`+sooner.Format(time.RFC3339)+`"`, cert, ""))))
	if err != nil || !m.NotAfter.Equal(sooner) {
		t.Errorf("with validUntil: %+v, %v", m, err)
	}
	// A connection made from it is checked like one made by hand.
	c := &SSOConnection{Protocol: "saml", SAML: &SAMLSettings{MetadataXML: metadata(idp(` validUntil="2020-01-01T00:00:00Z"`, cert, ""))}}
	if got := c.Validate(); len(got) != 1 || got[0].Path != "/saml/metadata_xml" || !strings.Contains(got[0].Message, "expired on 2020-01-01") {
		t.Errorf("violations of expired metadata = %+v", got)
	}
}

func TestHostileOrUselessMetadataIsRefused(t *testing.T) {
	cert := certificate(t, ecKey(t, elliptic.P256()), 0, time.Now().AddDate(1, 0, 0))
	good := idp("", cert, "")
	cases := []struct{ name, doc, says string }{
		{"not XML", "<a", "not XML"},
		{"empty", "", "EntityDescriptor"},
		{"document type", `<!DOCTYPE a [<!ENTITY b "c">]>` + metadata(good), "document type"},
		{"entity without a type", strings.Replace(metadata(good), "https://idp.example.com\"", "&b;\"", 1), "not XML"},
		{"processing instruction", strings.Replace(metadata(good), "<md:IDPSSO", "<?php echo ?><md:IDPSSO", 1), "processing instruction"},
		{"other encoding", strings.Replace(metadata(good), "UTF-8", "UTF-7", 1), "save the document as UTF-8"},
		{"too deep", metadata(strings.Repeat("<md:a>", 60)), "levels"},
		{"too many elements", metadata(strings.Repeat("<md:a/>", 5001)), "5000 elements"},
		{"too many namespaces", metadata(strings.Repeat(`<md:a xmlns:x="urn:x"/>`, 300)), "namespaces"},
		{"too large", metadata("<!--" + strings.Repeat("x", 600<<10) + "-->"), "512 KiB"},
		{"two entities", `<md:EntitiesDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata">` + strings.Repeat(`<md:EntityDescriptor entityID="a"></md:EntityDescriptor>`, 2) + `</md:EntitiesDescriptor>`, "several entities"},
		{"two providers", metadata(good + good), "twice"},
		{"SAML 1.1", metadata(strings.ReplaceAll(good, "SAML:2.0:protocol", "SAML:1.1:protocol")), "does not speak SAML 2.0"},
		{"a service provider", metadata(strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor")), "identity provider?"},
		{"no signing key", metadata(idp("", cert, ` use="encryption"`)), "no signing certificate"},
		{"broken certificate", metadata(strings.Replace(good, "MII", "%%%", 1)), "not base64"},
		{"plain http", metadata(strings.ReplaceAll(good, "https://idp.example.com/redirect", "http://idp.example.com/redirect")), "https"},
		{"names of no namespace", `<EntityDescriptor entityID="x"/>`, "EntityDescriptor"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := ParseSAMLMetadata([]byte(c.doc))
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error = %v, want one that says %q", err, c.says)
			}
		})
	}
}

func FuzzParseSAMLMetadata(f *testing.F) {
	f.Add([]byte(metadata("<md:IDPSSODescriptor/>")))
	f.Add([]byte(`<!DOCTYPE a><a/>`))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := ParseSAMLMetadata(doc)
		if err == nil && (m.EntityID == "" || len(m.Certificates) == 0 || !strings.HasPrefix(m.SSOURL, "https://")) {
			t.Errorf("accepted without what is needed: %+v", m)
		}
	})
}
