package api

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Presets of one identity provider with two names (X19).
const (
	PresetEntraID = "entra_id"
	presetAzureAD = "azure_ad"
)

// CanonicalPreset is the present name of a preset: azure_ad is kept as it was written
// and means entra_id (X19).
func CanonicalPreset(preset string) string {
	if preset == presetAzureAD {
		return PresetEntraID
	}
	return preset
}

// Validate checks that the settings belong to the protocol and that nothing the
// identity provider signs with is too weak or has expired.
func (c *SSOConnection) Validate() []Violation {
	var out []Violation
	switch c.Protocol {
	case "saml":
		if c.OIDC != nil {
			out = append(out, Invalid("/oidc", "only used when protocol = \"oidc\"; remove it"))
		}
		if c.SAML == nil {
			return append(out, Required("/saml", "protocol = \"saml\" needs the saml settings of the identity provider: metadata_url, or metadata_xml, or entity_id, sso_url and certificates"))
		}
		out = append(out, c.SAML.check(time.Now())...)
	case "oidc":
		if c.SAML != nil {
			out = append(out, Invalid("/saml", "only used when protocol = \"saml\"; remove it"))
		}
		if c.OIDC == nil {
			return append(out, Required("/oidc", "protocol = \"oidc\" needs the provider: issuer and client_id"))
		}
		out = append(out, c.OIDC.check(c.Preset)...)
	}
	return out
}

// check wants exactly one way of describing the identity provider.
func (s *SAMLSettings) check(now time.Time) []Violation {
	var out []Violation
	byHand := s.EntityID != "" || s.SSOURL != "" || len(s.Certificates) > 0
	ways := 0
	for _, given := range []bool{s.MetadataURL != "", s.MetadataXML != "", byHand} {
		if given {
			ways++
		}
	}
	switch {
	case ways == 0:
		out = append(out, Required("/saml", "the identity provider is not described; give metadata_url, or metadata_xml, or entity_id, sso_url and certificates together"))
	case ways > 1:
		out = append(out, Invalid("/saml", "the identity provider is described in %d ways; keep one of metadata_url, metadata_xml, or entity_id, sso_url and certificates together", ways))
	case byHand && s.EntityID == "":
		out = append(out, Required("/saml/entity_id", "needed with sso_url and certificates; it is the entity id (issuer) that the identity provider shows"))
	case byHand && s.SSOURL == "":
		out = append(out, Required("/saml/sso_url", "needed with entity_id and certificates; it is the sign-in URL that the identity provider shows"))
	case byHand && len(s.Certificates) == 0:
		out = append(out, Required("/saml/certificates", "needed with entity_id and sso_url; without a certificate no assertion can be trusted"))
	}
	for i, text := range s.Certificates {
		if err := CheckCertificate(text, now); err != nil {
			out = append(out, Invalid(fmt.Sprintf("/saml/certificates/%d", i), "%v", err))
		}
	}
	if s.MetadataXML != "" {
		out = append(out, checkMetadata(s.MetadataXML, now)...)
	}
	return out
}

func checkMetadata(doc string, now time.Time) []Violation {
	const at = "/saml/metadata_xml"
	m, err := ParseSAMLMetadata([]byte(doc))
	if err != nil {
		return []Violation{Invalid(at, "%v", err)}
	}
	if !m.NotAfter.After(now) {
		return []Violation{Invalid(at, "the document, or a signing certificate in it, expired on %s; get the present metadata from the identity provider", m.NotAfter.Format(time.DateOnly))}
	}
	for _, text := range m.Certificates {
		if err := CheckCertificate(text, now); err != nil {
			return []Violation{Invalid(at, "a signing certificate in it: %v", err)}
		}
	}
	return nil
}

// ParseCertificate reads one PEM certificate. Errors never repeat the text: it may be
// a private key that was pasted by mistake.
func ParseCertificate(text string) (*x509.Certificate, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, errors.New("is not a certificate in PEM; write it with its lines -----BEGIN CERTIFICATE----- and -----END CERTIFICATE-----")
	case strings.Contains(block.Type, "PRIVATE KEY"):
		return nil, errors.New("is a private key; take it out of the configuration, replace it at the identity provider, and write the certificate instead")
	case block.Type != "CERTIFICATE":
		return nil, fmt.Errorf("is a PEM block of type %q; write the certificate", block.Type)
	case len(strings.TrimSpace(string(rest))) > 0:
		return nil, errors.New("holds more than one certificate; write each as an element of its own")
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("cannot be read as a certificate: %w", err)
	}
	return cert, nil
}

// brokenSignatures are made with digests that can be forged.
var brokenSignatures = []x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.DSAWithSHA256, x509.ECDSAWithSHA1, x509.UnknownSignatureAlgorithm}

// CheckCertificate refuses certificates that an assertion must not be trusted by.
func CheckCertificate(text string, now time.Time) error {
	cert, err := ParseCertificate(text)
	if err != nil {
		return err
	}
	if !cert.NotAfter.After(now) {
		return fmt.Errorf("the certificate of %q expired on %s; get the present one from the identity provider, or remove this one", cert.Subject.CommonName, cert.NotAfter.UTC().Format(time.DateOnly))
	}
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		if bits := key.N.BitLen(); bits < 2048 {
			return fmt.Errorf("the certificate of %q has an RSA key of %d bits; let the identity provider make one of 2048 bits or more", cert.Subject.CommonName, bits)
		}
	case *ecdsa.PublicKey:
		if bits := key.Params().BitSize; bits < 256 {
			return fmt.Errorf("the certificate of %q has an EC key of %d bits; let the identity provider make one on P-256 or larger", cert.Subject.CommonName, bits)
		}
	default:
		return fmt.Errorf("the certificate of %q has a kind of key that is not used for SAML; let the identity provider make one with RSA 2048 or EC P-256, or larger", cert.Subject.CommonName)
	}
	if slices.Contains(brokenSignatures, cert.SignatureAlgorithm) {
		return fmt.Errorf("the certificate of %q is signed with %s, which can be forged; let the identity provider make one with SHA-256", cert.Subject.CommonName, cert.SignatureAlgorithm)
	}
	return nil
}

// check wants what OpenID Connect cannot do without.
func (o *OIDCSettings) check(preset string) []Violation {
	var out []Violation
	if !slices.Contains(o.Scopes, "openid") {
		out = append(out, Invalid("/oidc/scopes", "\"openid\" is missing; without it the provider sends no ID token. Write e.g. [\"openid\", \"email\", \"profile\"]"))
	}
	if strings.HasSuffix(o.Issuer, "/.well-known/openid-configuration") {
		out = append(out, Invalid("/oidc/issuer", "is the address of the discovery document; write the issuer, %s", strings.TrimSuffix(o.Issuer, "/.well-known/openid-configuration")))
	}
	if CanonicalPreset(preset) == PresetEntraID {
		for _, shared := range []string{"/common", "/organizations", "/consumers"} {
			if strings.Contains(o.Issuer+"/", shared+"/") {
				out = append(out, Invalid("/oidc/issuer", "%s stands for every tenant, so that anybody's tenant could sign people in; write your own tenant's issuer, https://login.microsoftonline.com/<tenant id>/v2.0", shared))
			}
		}
	}
	return out
}

// Resolve is the identity provider as the settings describe it; for metadata_url that
// is nothing yet, since it has to be fetched.
func (s *SAMLSettings) Resolve() (SAMLMetadata, error) {
	if s.MetadataXML != "" {
		return ParseSAMLMetadata([]byte(s.MetadataXML))
	}
	out := SAMLMetadata{EntityID: s.EntityID, SSOURL: s.SSOURL, Certificates: s.Certificates}
	for i, text := range s.Certificates {
		cert, err := ParseCertificate(text)
		if err != nil {
			return SAMLMetadata{}, fmt.Errorf("certificate %d %w", i+1, err)
		}
		if out.NotAfter.IsZero() || cert.NotAfter.Before(out.NotAfter) {
			out.NotAfter = cert.NotAfter.UTC()
		}
	}
	return out, nil
}
