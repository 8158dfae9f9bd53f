package api

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
)

// Bounds of a metadata document: well above what identity providers publish for one
// entity, well below what could hurt (SIGNIN.md, the pre-scan).
const (
	maxMetadataBytes      = 512 << 10
	maxMetadataElements   = 5000
	maxMetadataDepth      = 48
	maxMetadataNamespaces = 256
)

const (
	samlMetadataSpace = "urn:oasis:names:tc:SAML:2.0:metadata"
	xmlSignatureSpace = "http://www.w3.org/2000/09/xmldsig#"
	samlProtocol      = "urn:oasis:names:tc:SAML:2.0:protocol"
	bindingPost       = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingRedirect   = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
)

// SAMLMetadata is what an identity provider's metadata says about signing in.
type SAMLMetadata struct {
	EntityID     string
	SSOURL       string
	Certificates []string  // of signatures, PEM
	NotAfter     time.Time // when the first certificate, or the document, expires
}

// ParseSAMLMetadata reads the metadata of one identity provider (SAML 2.0 metadata,
// section 2). The document may be hostile: it is bounded while it is read, document
// types and processing instructions are refused, so there is nothing to expand, and
// nothing is fetched. Its signature is not checked: who applies the result decides
// where the document comes from. Whether NotAfter has passed is the caller's to ask.
func ParseSAMLMetadata(doc []byte) (SAMLMetadata, error) {
	if len(doc) > maxMetadataBytes {
		return SAMLMetadata{}, fmt.Errorf("the document is larger than %d KiB", maxMetadataBytes>>10)
	}
	p := metadataParser{urls: map[string]string{}}
	dec := xml.NewDecoder(bytes.NewReader(doc))
	// Other encodings could hide what is looked for here.
	dec.CharsetReader = func(label string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the encoding %q is not read; save the document as UTF-8", label)
	}
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			return p.result()
		}
		if err != nil {
			return SAMLMetadata{}, fmt.Errorf("the document is not XML: %w", err)
		}
		if err := p.token(tok); err != nil {
			return SAMLMetadata{}, err
		}
	}
}

type metadataParser struct {
	depth, elements, namespaces int
	entities, idps              int
	idpDepth                    int  // of the IDPSSODescriptor, 0 outside of it
	signing                     bool // inside of one of its signing keys
	text                        strings.Builder
	urls                        map[string]string
	out                         SAMLMetadata
}

func (p *metadataParser) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.Directive:
		return errors.New("the document has a document type; remove <!DOCTYPE …>")
	case xml.ProcInst:
		if t.Target != "xml" || p.elements > 0 {
			return errors.New("the document has a processing instruction; remove <?… ?>")
		}
	case xml.StartElement:
		p.elements++
		p.depth++
		for _, a := range t.Attr {
			if a.Name.Space == "xmlns" || a.Name.Local == "xmlns" {
				p.namespaces++
			}
		}
		if p.elements > maxMetadataElements || p.depth > maxMetadataDepth || p.namespaces > maxMetadataNamespaces {
			return fmt.Errorf("the document has more than %d elements, %d levels or %d namespaces; give the metadata of one identity provider", maxMetadataElements, maxMetadataDepth, maxMetadataNamespaces)
		}
		p.text.Reset()
		return p.open(t)
	case xml.EndElement:
		err := p.end(t.Name)
		if p.depth == p.idpDepth {
			p.idpDepth = 0
		}
		p.depth--
		return err
	case xml.CharData:
		p.text.Write(t)
	}
	return nil
}

func (p *metadataParser) open(t xml.StartElement) error {
	if t.Name.Space != samlMetadataSpace {
		return nil
	}
	switch t.Name.Local {
	case "EntityDescriptor":
		if p.entities++; p.entities > 1 {
			return errors.New("the document describes several entities; give the metadata of one identity provider")
		}
		p.out.EntityID = attributeOf(t, "entityID")
		return p.until(attributeOf(t, "validUntil"))
	case "EntitiesDescriptor":
		return p.until(attributeOf(t, "validUntil"))
	case "IDPSSODescriptor":
		if p.idps++; p.idps > 1 {
			return errors.New("the document describes the identity provider twice; give one IDPSSODescriptor")
		}
		if !strings.Contains(" "+attributeOf(t, "protocolSupportEnumeration")+" ", " "+samlProtocol+" ") {
			return errors.New("the identity provider of the document does not speak SAML 2.0")
		}
		p.idpDepth = p.depth
		return p.until(attributeOf(t, "validUntil"))
	case "KeyDescriptor":
		use := attributeOf(t, "use")
		p.signing = p.idpDepth > 0 && (use == "" || use == "signing")
	case "SingleSignOnService":
		if binding := attributeOf(t, "Binding"); p.idpDepth > 0 && p.urls[binding] == "" {
			p.urls[binding] = attributeOf(t, "Location")
		}
	}
	return nil
}

func attributeOf(t xml.StartElement, name string) string {
	for _, a := range t.Attr {
		if a.Name.Local == name && a.Name.Space == "" {
			return a.Value
		}
	}
	return ""
}

// until takes an end of validity into account.
func (p *metadataParser) until(text string) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return fmt.Errorf("validUntil %q is not a time", text)
	}
	p.ends(t)
	return nil
}

func (p *metadataParser) ends(t time.Time) {
	if p.out.NotAfter.IsZero() || t.Before(p.out.NotAfter) {
		p.out.NotAfter = t.UTC()
	}
}

func (p *metadataParser) end(name xml.Name) error {
	if name.Space == samlMetadataSpace && name.Local == "KeyDescriptor" {
		p.signing = false
	}
	if !p.signing || name.Space != xmlSignatureSpace || name.Local != "X509Certificate" {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.text.String()), ""))
	if err != nil {
		return errors.New("a signing certificate of the document is not base64")
	}
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	cert, err := ParseCertificate(text)
	if err != nil {
		return fmt.Errorf("a signing certificate of the document: %w", err)
	}
	p.out.Certificates = append(p.out.Certificates, text)
	p.ends(cert.NotAfter)
	return nil
}

func (p *metadataParser) result() (SAMLMetadata, error) {
	p.out.SSOURL = p.urls[bindingRedirect]
	if p.out.SSOURL == "" {
		p.out.SSOURL = p.urls[bindingPost]
	}
	switch {
	case p.out.EntityID == "":
		return SAMLMetadata{}, errors.New("the document has no EntityDescriptor with an entityID; is it SAML 2.0 metadata?")
	case p.out.SSOURL == "":
		return SAMLMetadata{}, errors.New("the document has no SingleSignOnService with HTTP-Redirect or HTTP-POST; is it the metadata of an identity provider?")
	case len(p.out.Certificates) == 0:
		return SAMLMetadata{}, errors.New("the document has no signing certificate")
	}
	if _, message := normaliseURL(p.out.SSOURL); message != "" {
		return SAMLMetadata{}, fmt.Errorf("the SingleSignOnService of the document: %s", message)
	}
	return p.out, nil
}
