package schema

import "strings"

// Type is the data type of an attribute (RFC 7643 §2.3).
type Type string

// The types in use.
const (
	String    Type = "string"
	Boolean   Type = "boolean"
	DateTime  Type = "dateTime"
	Reference Type = "reference"
	Binary    Type = "binary"
	Complex   Type = "complex"
)

// Mutability says whether a client may write an attribute (RFC 7643 §7).
type Mutability string

// The mutabilities of RFC 7643 §7.
const (
	ReadWrite Mutability = "readWrite"
	ReadOnly  Mutability = "readOnly"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"
)

// Returned says when an attribute appears in an answer (RFC 7643 §7).
type Returned string

// The return rules in use.
const (
	Always  Returned = "always"
	Default Returned = "default"
	Never   Returned = "never"
)

// Attribute is one attribute or sub-attribute with its characteristics.
type Attribute struct {
	Name            string
	Type            Type
	MultiValued     bool
	Required        bool
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      string
	Description     string
	CanonicalValues []string
	ReferenceTypes  []string
	Sub             []*Attribute

	// MaxLength bounds a string in bytes, MaxValues the elements of a
	// multi-valued attribute; zero is unbounded (the body is bounded anyway).
	MaxLength int
	MaxValues int
}

// Lookup finds a sub-attribute; attribute names are case-insensitive (RFC 7643 §2.1).
func (a *Attribute) Lookup(name string) *Attribute { return lookup(a.Sub, name) }

// HasValue reports whether the attribute is complex with a sub-attribute
// "value", which stands for the whole where only one string fits.
func (a *Attribute) HasValue() bool { return a.Type == Complex && a.Lookup("value") != nil }

// Schema is one schema of RFC 7643 §7.
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []*Attribute
}

// Lookup finds a top-level attribute of the schema.
func (s *Schema) Lookup(name string) *Attribute { return lookup(s.Attributes, name) }

// Resource is a resource type with its schemas (RFC 7643 §6).
type Resource struct {
	Name        string
	Endpoint    string
	Description string
	Core        *Schema
	Extensions  []*Schema
}

// Extension finds an extension by URN in any case; nil if the resource has none such.
func (r *Resource) Extension(urn string) *Schema {
	for _, s := range r.Extensions {
		if strings.EqualFold(s.ID, urn) {
			return s
		}
	}
	return nil
}

// Lookup finds an attribute of the core schema (urn empty or the core URN), a
// common attribute of RFC 7643 §3.1, or an attribute of the extension urn.
func (r *Resource) Lookup(urn, name string) *Attribute {
	if urn == "" || strings.EqualFold(urn, r.Core.ID) {
		if a := lookup(r.Core.Attributes, name); a != nil {
			return a
		}
		return lookup(common, name)
	}
	if s := r.Extension(urn); s != nil {
		return s.Lookup(name)
	}
	return nil
}

func lookup(list []*Attribute, name string) *Attribute {
	for _, a := range list {
		if len(a.Name) == len(name) && strings.EqualFold(a.Name, name) {
			return a
		}
	}
	return nil
}
