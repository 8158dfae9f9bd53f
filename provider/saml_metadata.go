package provider

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// Bounds of a metadata document. Real ones have a few hundred elements.
const (
	maxMetadataBytes    = 512 << 10
	maxMetadataDepth    = 24
	maxMetadataElements = 5000
)

const (
	samlMetadataNS = "urn:oasis:names:tc:SAML:2.0:metadata"
	bindingPost    = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
	bindingGet     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
)

// samlMetadata is what a connection needs to know of an identity provider.
type samlMetadata struct {
	EntityID     string
	SSOURL       string
	Certificates []string // PEM
	NotAfter     time.Time
}

// parseSAMLMetadata reads the metadata of one identity provider (SAML 2.0 metadata,
// section 2). The document may be hostile: it is bounded in size, depth and number
// of elements, a document type is refused (so there are no entities to expand), and
// nothing is fetched. Signatures are not checked here: who applies the result
// decides where the document comes from.
func parseSAMLMetadata(doc []byte) (*samlMetadata, error) {
	if len(doc) > maxMetadataBytes {
		return nil, fmt.Errorf("the document is larger than %d KiB", maxMetadataBytes>>10)
	}
	p := metadataParser{dec: xml.NewDecoder(bytes.NewReader(doc)), urls: map[string]string{}}
	p.dec.Strict = true
	// Only the encoding that every XML reader knows: others could hide a document type.
	p.dec.CharsetReader = func(label string, _ io.Reader) (io.Reader, error) {
		return nil, fmt.Errorf("the encoding %q is not read; save the document as UTF-8", label)
	}
	for {
		tok, err := p.dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("the document is not XML: %w", err)
		}
		if err := p.token(tok); err != nil {
			return nil, err
		}
	}
	return p.result()
}

type metadataParser struct {
	dec      *xml.Decoder
	stack    []xml.Name
	elements int
	entities int
	signing  bool
	inIDP    int // depth of the IDPSSODescriptor, 0 outside
	text     strings.Builder
	urls     map[string]string
	out      samlMetadata
}

func (p *metadataParser) token(tok xml.Token) error {
	switch t := tok.(type) {
	case xml.Directive:
		return errors.New("the document has a document type; remove <!DOCTYPE …>")
	case xml.StartElement:
		if p.elements++; p.elements > maxMetadataElements {
			return fmt.Errorf("the document has more than %d elements; give the metadata of one identity provider", maxMetadataElements)
		}
		if len(p.stack) >= maxMetadataDepth {
			return fmt.Errorf("the document is nested more than %d deep", maxMetadataDepth)
		}
		p.stack = append(p.stack, t.Name)
		p.text.Reset()
		return p.open(t)
	case xml.EndElement:
		err := p.close(t.Name)
		p.stack = p.stack[:len(p.stack)-1]
		if p.inIDP > len(p.stack) {
			p.inIDP = 0
		}
		return err
	case xml.CharData:
		p.text.Write(t)
	}
	return nil
}

func (p *metadataParser) open(t xml.StartElement) error {
	attribute := func(name string) string {
		for _, a := range t.Attr {
			if a.Name.Local == name && a.Name.Space == "" {
				return a.Value
			}
		}
		return ""
	}
	if t.Name.Space != samlMetadataNS {
		return nil
	}
	switch t.Name.Local {
	case "EntityDescriptor":
		if p.entities++; p.entities > 1 {
			return errors.New("the document describes several entities; give the metadata of one identity provider")
		}
		p.out.EntityID = attribute("entityID")
	case "IDPSSODescriptor":
		p.inIDP = len(p.stack)
	case "KeyDescriptor":
		use := attribute("use")
		p.signing = p.inIDP > 0 && (use == "" || use == "signing")
	case "SingleSignOnService":
		if binding := attribute("Binding"); p.inIDP > 0 && p.urls[binding] == "" {
			p.urls[binding] = attribute("Location")
		}
	}
	return nil
}

func (p *metadataParser) close(name xml.Name) error {
	if name.Space == samlMetadataNS && name.Local == "KeyDescriptor" {
		p.signing = false
	}
	if name.Local != "X509Certificate" || !p.signing {
		return nil
	}
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(p.text.String()), ""))
	if err != nil {
		return errors.New("a signing certificate is not base64")
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return fmt.Errorf("a signing certificate cannot be read: %w", err)
	}
	p.out.Certificates = append(p.out.Certificates, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	if p.out.NotAfter.IsZero() || cert.NotAfter.Before(p.out.NotAfter) {
		p.out.NotAfter = cert.NotAfter
	}
	return nil
}

func (p *metadataParser) result() (*samlMetadata, error) {
	p.out.SSOURL = p.urls[bindingGet]
	if p.out.SSOURL == "" {
		p.out.SSOURL = p.urls[bindingPost]
	}
	switch {
	case p.out.EntityID == "":
		return nil, errors.New("the document has no EntityDescriptor with an entityID; is it SAML 2.0 metadata?")
	case p.out.SSOURL == "":
		return nil, errors.New("the document has no SingleSignOnService with HTTP-Redirect or HTTP-POST; is it the metadata of an identity provider?")
	case len(p.out.Certificates) == 0:
		return nil, errors.New("the document has no signing certificate")
	}
	return &p.out, nil
}

var samlMetadataTypes = map[string]attr.Type{
	"entity_id": types.StringType, "sso_url": types.StringType,
	"certificates": types.ListType{ElemType: types.StringType}, "not_after": types.StringType,
}

var samlMetadataFunction = pure{
	name: "saml_metadata",
	definition: function.Definition{
		Summary:             "What SAML metadata says of an identity provider",
		MarkdownDescription: "Reads the SAML 2.0 metadata of one identity provider. The result is `entity_id`, `sso_url`, `certificates` (PEM) and `not_after`, when the first certificate expires. Documents with a document type, several entities, or more than 512 KiB are refused; the signature of the document is not checked.",
		Parameters:          []function.Parameter{text("xml", "The document, e.g. `file(\"okta.xml\")`.")},
		Return:              function.ObjectReturn{AttributeTypes: samlMetadataTypes},
	},
	run: func(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
		var doc string
		if !stringArguments(ctx, req, resp, &doc) {
			return
		}
		m, err := parseSAMLMetadata([]byte(doc))
		if err != nil {
			refuse(resp, 0, err.Error())
			return
		}
		set(ctx, resp, object(samlMetadataTypes, map[string]attr.Value{
			"entity_id": types.StringValue(m.EntityID), "sso_url": types.StringValue(m.SSOURL),
			"certificates": stringList(m.Certificates), "not_after": types.StringValue(m.NotAfter.UTC().Format(time.RFC3339)),
		}))
	},
}
