package provider

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// call runs a provider function as Terraform does. Arguments and result are strings
// unless a type is given.
func call(t *testing.T, name string, result tftypes.Type, args ...string) (tftypes.Value, string) {
	t.Helper()
	req := &tfprotov6.CallFunctionRequest{Name: name}
	for _, a := range args {
		v, err := tfprotov6.NewDynamicValue(tftypes.String, str(a))
		if err != nil {
			t.Fatal(err)
		}
		req.Arguments = append(req.Arguments, &v)
	}
	resp, err := server(t).CallFunction(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Error != nil {
		return tftypes.Value{}, resp.Error.Text
	}
	v, err := resp.Result.Unmarshal(result)
	if err != nil {
		t.Fatal(err)
	}
	return v, ""
}

func TestFunctions(t *testing.T) {
	yes, no := tftypes.NewValue(tftypes.Bool, true), tftypes.NewValue(tftypes.Bool, false)
	number := func(n int64) tftypes.Value { return tftypes.NewValue(tftypes.Number, big.NewFloat(float64(n))) }
	for _, tc := range []struct {
		name string
		args []string
		want tftypes.Value
	}{
		{"scope_contains", []string{"/finance", "/finance/q1"}, yes},
		{"scope_contains", []string{"/fin", "/finance"}, no},
		{"scope_contains", []string{"/", "/finance"}, yes},
		{"scope_contains", []string{"/Finance", "/finance"}, yes},
		{"level_allows", []string{"edit", "asset.download"}, yes},
		{"level_allows", []string{"view", "comment.create"}, no},
		{"principal", []string{"member", "Ann@Example.com"}, str("member:ann@example.com")},
		{"principal", []string{"group", "Okta Designers"}, str("group:Okta Designers")},
		{"duration", []string{"90d"}, number(90 * 86400)},
		{"duration", []string{"1d12h"}, number(36 * 3600)},
	} {
		got, message := call(t, tc.name, tc.want.Type(), tc.args...)
		if message != "" || !got.Equal(tc.want) {
			t.Errorf("%s(%q) = %s %s, want %s", tc.name, tc.args, got, message, tc.want)
		}
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"scope_contains", []string{"finance", "/x"}, "must start with a slash"},
		{"level_allows", []string{"write", "asset.read"}, "view, comment, edit"},
		{"level_allows", []string{"edit", "asset.downlod"}, "asset.download"},
		{"level_allows", []string{"edit", "asset.*"}, "is a pattern"},
		{"principal", []string{"user", "ann@example.com"}, "member:ann@example.com"},
		{"parse_principal", []string{"ann@example.com"}, "member:ann@example.com"},
		{"duration", []string{"ninety days"}, "90d"},
		{"permission", []string{"permit", "/finance", "asset.read"}, "allow, deny"},
		{"permission", []string{"allow", "/finance"}, "at least one permission"},
		{"permission", []string{"allow", "/finance", "asset.raed"}, "asset.read"},
		{"saml_metadata", []string{"<x/>"}, "EntityDescriptor"},
	} {
		if _, message := call(t, tc.name, tftypes.DynamicPseudoType, tc.args...); !strings.Contains(message, tc.want) {
			t.Errorf("%s(%q) says %q, want %q in it", tc.name, tc.args, message, tc.want)
		}
	}
}

func TestParsePrincipalGivesBothParts(t *testing.T) {
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"kind": tftypes.String, "key": tftypes.String}}
	got, message := call(t, "parse_principal", typ, "team:Design")
	want := tftypes.NewValue(typ, map[string]tftypes.Value{"kind": str("team"), "key": str("design")})
	if message != "" || !got.Equal(want) {
		t.Errorf("%s %s", got, message)
	}
}

func TestPermissionFitsAStatementOfARole(t *testing.T) {
	list := tftypes.List{ElementType: tftypes.String}
	typ := tftypes.Object{AttributeTypes: map[string]tftypes.Type{"effect": tftypes.String, "permissions": list, "paths": list}}
	got, message := call(t, "permission", typ, "deny", "/Finance", "asset.read", "share_link.*")
	want := tftypes.NewValue(typ, map[string]tftypes.Value{"effect": str("deny"), "paths": stringsOf(list, []string{"/finance"}), "permissions": stringsOf(list, []string{"asset.read", "share_link.*"})})
	if message != "" || !got.Equal(want) {
		t.Errorf("%s %s", got, message)
	}
}

// testCertificate makes a certificate that ends at the time.
func testCertificate(t testing.TB, notAfter time.Time) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "idp.example.com"}, NotBefore: notAfter.AddDate(-1, 0, 0), NotAfter: notAfter}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func testMetadata(certificates ...[]byte) string {
	var keys strings.Builder
	for _, der := range certificates {
		fmt.Fprintf(&keys, `<md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>
			%s
		</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor>`, base64.StdEncoding.EncodeToString(der))
	}
	return `<?xml version="1.0" encoding="UTF-8"?>
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example.com/meta">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">` + keys.String() + `
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/post"/>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>`
}

func TestSAMLMetadataIsRead(t *testing.T) {
	soon, later := time.Now().AddDate(0, 1, 0).UTC().Truncate(time.Second), time.Now().AddDate(1, 0, 0)
	m, err := api.ParseSAMLMetadata([]byte(testMetadata(testCertificate(t, later), testCertificate(t, soon))))
	if err != nil {
		t.Fatal(err)
	}
	if m.EntityID != "https://idp.example.com/meta" || m.SSOURL != "https://idp.example.com/sso" || len(m.Certificates) != 2 || !m.NotAfter.Equal(soon) {
		t.Errorf("%+v", m)
	}
	for _, c := range m.Certificates {
		if err := api.CheckCertificate(c, time.Now()); err != nil {
			t.Error(err)
		}
	}
}

func TestHostileSAMLMetadataIsRefused(t *testing.T) {
	good := testMetadata(testCertificate(t, time.Now().AddDate(1, 0, 0)))
	_, body, _ := strings.Cut(good, "?>")
	for name, doc := range map[string]string{
		"document type":     `<!DOCTYPE x [<!ENTITY a "b">]>` + body,
		"entity expansion":  `<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]><lolz>&l2;</lolz>`,
		"too large":         good + strings.Repeat(" ", 512<<10),
		"too deep":          strings.Repeat("<a>", 100) + strings.Repeat("</a>", 100),
		"too many elements": "<r>" + strings.Repeat("<a/>", 5001) + "</r>",
		"two entities":      "<r>" + body + body + "</r>",
		"another encoding":  `<?xml version="1.0" encoding="UTF-7"?>` + body,
		"not closed":        body[:len(body)-20],
		"no certificate":    testMetadata(),
		"service provider":  strings.ReplaceAll(good, "IDPSSODescriptor", "SPSSODescriptor"),
		"broken base64":     strings.Replace(good, "<ds:X509Certificate>", "<ds:X509Certificate>!!", 1),
		"empty":             "",
	} {
		if m, err := api.ParseSAMLMetadata([]byte(doc)); err == nil {
			t.Errorf("%s was accepted: %+v", name, m)
		}
	}
}

func FuzzSAMLMetadata(f *testing.F) {
	f.Add([]byte(testMetadata(testCertificate(f, time.Now().AddDate(1, 0, 0)))))
	f.Add([]byte("<!DOCTYPE a>"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		m, err := api.ParseSAMLMetadata(doc)
		if err == nil && (m.EntityID == "" || m.SSOURL == "" || len(m.Certificates) == 0) {
			t.Errorf("incomplete: %+v", m)
		}
		if err == nil && bytes.Contains(doc, []byte("<!DOCTYPE")) && !bytes.Contains(doc, []byte("<!--")) && !bytes.Contains(doc, []byte("<![CDATA[")) && !bytes.Contains(doc, []byte("<?")) {
			t.Error("a document type was accepted")
		}
	})
}

func TestCertificatesAreCheckedAtPlan(t *testing.T) {
	now := time.Now()
	valid, expired := pemOf(testCertificate(t, now.AddDate(1, 0, 0))), pemOf(testCertificate(t, now.AddDate(0, 0, -1)))
	for text, want := range map[string]string{valid: "", expired: "expired on", "MIIC": "-----BEGIN CERTIFICATE-----", valid + valid: "an element of its own", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n": "cannot be read"} {
		err := api.CheckCertificate(text, now)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%.40q: %v, want %q", text, err, want)
		}
	}
}
