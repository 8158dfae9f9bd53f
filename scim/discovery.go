package scim

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/schema"
)

// discovery serves /ServiceProviderConfig, /ResourceTypes and /Schemas (RFC 7644
// §4) from the tables and limits that the server itself runs on.
type discovery struct {
	config  serviceProviderConfig
	types   []resourceTypeJSON
	schemas []schemaJSON
}

const (
	configPath      = "/ServiceProviderConfig"
	configURN       = "urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"
	resourceTypeURN = "urn:ietf:params:scim:schemas:core:2.0:ResourceType"
	schemaURN       = "urn:ietf:params:scim:schemas:core:2.0:Schema"
)

type supported struct {
	Supported bool `json:"supported"`
}

type serviceProviderConfig struct {
	Schemas []string  `json:"schemas"`
	Patch   supported `json:"patch"`
	Bulk    struct {
		supported
		MaxOperations  int   `json:"maxOperations"`
		MaxPayloadSize int64 `json:"maxPayloadSize"`
	} `json:"bulk"`
	Filter struct {
		supported
		MaxResults int `json:"maxResults"`
	} `json:"filter"`
	ChangePassword supported `json:"changePassword"`
	Sort           supported `json:"sort"`
	ETag           supported `json:"etag"`
	Pagination     struct {  // RFC 9865 §4
		Cursor          bool   `json:"cursor"`
		Index           bool   `json:"index"`
		DefaultMethod   string `json:"defaultPaginationMethod"`
		DefaultPageSize int    `json:"defaultPageSize"`
		MaxPageSize     int    `json:"maxPageSize"`
		CursorTimeout   int    `json:"cursorTimeout,omitempty"`
	} `json:"pagination"`
	AuthenticationSchemes []authenticationScheme `json:"authenticationSchemes"`
	Meta                  staticMeta             `json:"meta"`
}

type authenticationScheme struct {
	Type        string `json:"type"`
	Name        string `json:"name"`
	Description string `json:"description"`
	SpecURI     string `json:"specUri"`
	Primary     bool   `json:"primary"`
}

type staticMeta struct {
	ResourceType string `json:"resourceType"`
	Location     string `json:"location"`
}

type resourceTypeJSON struct {
	Schemas     []string       `json:"schemas"`
	ID          string         `json:"id"`
	Name        string         `json:"name"`
	Endpoint    string         `json:"endpoint"`
	Description string         `json:"description"`
	Schema      string         `json:"schema"`
	Extensions  []extensionRef `json:"schemaExtensions,omitempty"`
	Meta        staticMeta     `json:"meta"`
}

type extensionRef struct {
	Schema   string `json:"schema"`
	Required bool   `json:"required"`
}

type schemaJSON struct {
	Schemas     []string        `json:"schemas"`
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Attributes  []attributeJSON `json:"attributes"`
	Meta        staticMeta      `json:"meta"`
}

type attributeJSON struct {
	Name            string            `json:"name"`
	Type            schema.Type       `json:"type"`
	MultiValued     bool              `json:"multiValued"`
	Description     string            `json:"description"`
	Required        bool              `json:"required"`
	CanonicalValues []string          `json:"canonicalValues,omitempty"`
	CaseExact       bool              `json:"caseExact"`
	Mutability      schema.Mutability `json:"mutability"`
	Returned        schema.Returned   `json:"returned"`
	Uniqueness      string            `json:"uniqueness"`
	ReferenceTypes  []string          `json:"referenceTypes,omitempty"`
	SubAttributes   []attributeJSON   `json:"subAttributes,omitempty"`
}

// newDiscovery describes the server; locations are below the base until served.
func newDiscovery(s *Server) *discovery {
	d := &discovery{}
	c := &d.config
	c.Schemas = []string{configURN}
	c.Patch.Supported, c.Sort.Supported, c.ETag.Supported = true, true, true
	c.Bulk.Supported, c.Bulk.MaxOperations, c.Bulk.MaxPayloadSize = true, s.Limits.BulkOperations, s.Limits.BulkBody
	c.Filter.Supported, c.Filter.MaxResults = true, s.Limits.MaxCount
	p := &c.Pagination
	p.Cursor, p.Index, p.DefaultMethod = true, true, "index"
	p.DefaultPageSize, p.MaxPageSize = s.Limits.DefaultCount, s.Limits.MaxCount
	p.CursorTimeout = int(s.CursorTimeout.Seconds())
	c.AuthenticationSchemes = []authenticationScheme{{
		Type: "oauthbearertoken", Name: "Bearer token",
		Description: "A token of the provisioning connection, as Authorization: Bearer.",
		SpecURI:     "https://www.rfc-editor.org/info/rfc6750", Primary: true,
	}}
	c.Meta = staticMeta{"ServiceProviderConfig", configPath}
	for _, r := range schema.Resources {
		t := resourceTypeJSON{
			Schemas: []string{resourceTypeURN}, ID: r.Name, Name: r.Name, Endpoint: r.Endpoint,
			Description: r.Description, Schema: r.Core.ID,
			Meta: staticMeta{"ResourceType", "/ResourceTypes/" + r.Name},
		}
		d.schemas = append(d.schemas, describe(r.Core))
		for _, x := range r.Extensions {
			t.Extensions = append(t.Extensions, extensionRef{Schema: x.ID})
			d.schemas = append(d.schemas, describe(x))
		}
		d.types = append(d.types, t)
	}
	return d
}

func describe(s *schema.Schema) schemaJSON {
	return schemaJSON{
		Schemas: []string{schemaURN}, ID: s.ID, Name: s.Name, Description: s.Description,
		Attributes: attributes(s.Attributes), Meta: staticMeta{"Schema", "/Schemas/" + s.ID},
	}
}

func attributes(list []*schema.Attribute) []attributeJSON {
	out := make([]attributeJSON, len(list))
	for i, a := range list {
		out[i] = attributeJSON{
			Name: a.Name, Type: a.Type, MultiValued: a.MultiValued, Description: a.Description,
			Required: a.Required, CaseExact: a.CaseExact, Mutability: a.Mutability, Returned: a.Returned,
			Uniqueness: a.Uniqueness, ReferenceTypes: a.ReferenceTypes,
		}
		if len(a.CanonicalValues) > 0 {
			out[i].CanonicalValues = a.CanonicalValues
		}
		if len(a.Sub) > 0 {
			out[i].SubAttributes = attributes(a.Sub)
		}
	}
	return out
}

func (d *discovery) route(method string, seg []string) (route, error) {
	run, ok := d.find(seg)
	if !ok {
		return route{}, fault.New(http.StatusNotFound, "", "no such endpoint or resource")
	}
	return only(method, http.MethodGet, route{run: unfiltered(run), discovery: true})
}

// unfiltered refuses a filter, lest the client believes that it was applied (RFC 7644 §4).
func unfiltered(run func(*call, []byte) (reply, error)) func(*call, []byte) (reply, error) {
	return func(c *call, raw []byte) (reply, error) {
		if c.params.filter != "" {
			return reply{}, fault.New(http.StatusForbidden, "", "this endpoint takes no filter")
		}
		return run(c, raw)
	}
}

func (d *discovery) find(seg []string) (func(*call, []byte) (reply, error), bool) {
	switch {
	case len(seg) > 2:
		return nil, false
	case seg[0] == "ServiceProviderConfig" && len(seg) == 1:
		return func(c *call, _ []byte) (reply, error) {
			v := d.config
			v.Meta.Location = c.base + v.Meta.Location
			return staticAt(v, v.Meta.Location), nil
		}, true
	case seg[0] == "ResourceTypes" && len(seg) == 1:
		return listStatic(d.types, resourceTypeJSON.at), true
	case seg[0] == "Schemas" && len(seg) == 1:
		return listStatic(d.schemas, schemaJSON.at), true
	case seg[0] == "ResourceTypes":
		for _, t := range d.types {
			if strings.EqualFold(t.ID, seg[1]) {
				return one(t, resourceTypeJSON.at), true
			}
		}
	case seg[0] == "Schemas":
		for _, s := range d.schemas {
			if strings.EqualFold(s.ID, seg[1]) {
				return one(s, schemaJSON.at), true
			}
		}
	}
	return nil, false
}

func (t resourceTypeJSON) at(base string) resourceTypeJSON {
	t.Meta.Location = base + t.Meta.Location
	return t
}

func (s schemaJSON) at(base string) schemaJSON {
	s.Meta.Location = base + s.Meta.Location
	return s
}

func one[T interface{ self() string }](v T, at func(T, string) T) func(*call, []byte) (reply, error) {
	return func(c *call, _ []byte) (reply, error) {
		here := at(v, c.base)
		return staticAt(here, here.self()), nil
	}
}

func (t resourceTypeJSON) self() string { return t.Meta.Location }
func (s schemaJSON) self() string       { return s.Meta.Location }

func staticAt(v any, self string) reply {
	r := static(v)
	r.self = self
	return r
}

// listStatic lists discovery resources: all of them, whatever page was asked for.
func listStatic[T any](list []T, at func(T, string) T) func(*call, []byte) (reply, error) {
	return func(c *call, _ []byte) (reply, error) {
		out := make([]T, len(list))
		for i, v := range list {
			out[i] = at(v, c.base)
		}
		return static(struct {
			listHead
			Resources []T `json:"Resources"`
		}{listHead{Schemas: []string{listURN}, Total: len(out), StartIndex: 1, PerPage: len(out)}, out}), nil
	}
}

func static(v any) reply {
	return reply{status: http.StatusOK, write: func(w io.Writer) error { return json.NewEncoder(w).Encode(v) }}
}
