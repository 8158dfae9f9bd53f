package provider

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.SSOConnectionKind, resourceOptions{
	Description: "The `gatehouse_sso_service_provider` data source has what the identity provider must be told, and the `provider::gatehouse::saml_metadata` function reads its metadata. " +
		"Refused while single sign-on is enforced and it is the last enabled connection.",
	Check:  checkSSOConnection,
	Stable: []string{"sp_entity_id", "acs_url", "redirect_uri"},
	List:   true,
})

// checkSSOConnection checks that the settings belong to the protocol and that the
// identity provider's certificates can be used.
func checkSSOConnection(doc map[string]any) []api.Violation {
	var out []api.Violation
	saml, isSAML := doc["saml"].(map[string]any)
	_, isOIDC := doc["oidc"].(map[string]any)
	switch doc["protocol"] {
	case "saml":
		if !isSAML {
			out = append(out, api.Invalid("/saml", "protocol = \"saml\" needs the saml settings of the identity provider"))
		}
		if isOIDC {
			out = append(out, api.Invalid("/oidc", "only used when protocol = \"oidc\"; remove it"))
		}
	case "oidc":
		if !isOIDC {
			out = append(out, api.Invalid("/oidc", "protocol = \"oidc\" needs issuer and client_id"))
		}
		if isSAML {
			out = append(out, api.Invalid("/saml", "only used when protocol = \"saml\"; remove it"))
		}
	}
	if isSAML {
		out = append(out, checkSAML(saml, time.Now())...)
	}
	return out
}

func checkSAML(saml map[string]any, now time.Time) []api.Violation {
	var out []api.Violation
	given := func(name string) bool { return !emptyJSON(saml[name]) }
	whole := given("entity_id") && given("sso_url") && given("certificates")
	if !given("metadata_url") && !given("metadata_xml") && !whole {
		out = append(out, api.Invalid("/saml", "the identity provider is not described; give metadata_url, or metadata_xml, or entity_id, sso_url and certificates together"))
	}
	if given("metadata_xml") {
		m, err := parseSAMLMetadata([]byte(textOf(saml, "metadata_xml")))
		switch {
		case err != nil:
			out = append(out, api.Invalid("/saml/metadata_xml", "%s", err))
		case m.NotAfter.Before(now):
			out = append(out, api.Invalid("/saml/metadata_xml", "a signing certificate in it expired on %s; get the present metadata from the identity provider", m.NotAfter.Format(time.DateOnly)))
		}
	}
	return append(out, checkEach(saml, "certificates", "/saml", func(text string) error { return checkCertificate(text, now) })...)
}

func checkCertificate(text string, now time.Time) error {
	block, rest := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return errors.New("is not a PEM certificate; it must start with -----BEGIN CERTIFICATE-----")
	}
	if next, _ := pem.Decode(rest); next != nil {
		return errors.New("holds several certificates; write each as an element of its own")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("cannot be read as a certificate: %w", err)
	}
	if cert.NotAfter.Before(now) {
		return fmt.Errorf("the certificate of %q expired on %s; get the present one from the identity provider", cert.Subject.CommonName, cert.NotAfter.Format(time.DateOnly))
	}
	return nil
}
