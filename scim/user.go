package scim

import (
	"encoding/json"
	"fmt"
	"net/url"
	"path"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/fault"
)

// User is a person as SCIM sees one (RFC 7643 §4.1, §4.3). Its JSON is the
// document to store: canonical names, nothing empty. Schemas, $ref and
// Meta.Location are filled when it is rendered and need not be stored.
type User struct {
	Schemas           []string   `json:"schemas,omitempty"`
	ID                string     `json:"id,omitempty"`
	ExternalID        string     `json:"externalId,omitempty"`
	UserName          string     `json:"userName"`
	Name              *Name      `json:"name,omitempty"`
	DisplayName       string     `json:"displayName,omitempty"`
	NickName          string     `json:"nickName,omitempty"`
	ProfileURL        string     `json:"profileUrl,omitempty"`
	Title             string     `json:"title,omitempty"`
	UserType          string     `json:"userType,omitempty"`
	PreferredLanguage string     `json:"preferredLanguage,omitempty"`
	Locale            string     `json:"locale,omitempty"`
	Timezone          string     `json:"timezone,omitempty"`
	Active            *bool      `json:"active,omitempty"` // nil in a CreateUser: not said, so true
	Emails            []Plural   `json:"emails,omitempty"`
	PhoneNumbers      []Plural   `json:"phoneNumbers,omitempty"`
	IMs               []Plural   `json:"ims,omitempty"`
	Photos            []Plural   `json:"photos,omitempty"`
	Addresses         []Address  `json:"addresses,omitempty"`
	Groups            []GroupRef `json:"groups,omitempty"` // read-only, from the directory
	Entitlements      []Plural   `json:"entitlements,omitempty"`
	Roles             []Plural   `json:"roles,omitempty"`
	X509Certificates  []Plural   `json:"x509Certificates,omitempty"`

	Enterprise *EnterpriseUser `json:"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User,omitempty"`
	Meta       Meta            `json:"meta,omitzero"`

	// Password is what the client wrote, if it did. It is never in the JSON.
	Password string `json:"-"`
}

// Name holds the parts of a person's name.
type Name struct {
	Formatted       string `json:"formatted,omitempty"`
	FamilyName      string `json:"familyName,omitempty"`
	GivenName       string `json:"givenName,omitempty"`
	MiddleName      string `json:"middleName,omitempty"`
	HonorificPrefix string `json:"honorificPrefix,omitempty"`
	HonorificSuffix string `json:"honorificSuffix,omitempty"`
}

// Plural is one value of a multi-valued attribute (RFC 7643 §2.4).
type Plural struct {
	Value   string `json:"value,omitempty"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
	Primary bool   `json:"primary,omitempty"`
}

// Address is one postal address.
type Address struct {
	Formatted     string `json:"formatted,omitempty"`
	StreetAddress string `json:"streetAddress,omitempty"`
	Locality      string `json:"locality,omitempty"`
	Region        string `json:"region,omitempty"`
	PostalCode    string `json:"postalCode,omitempty"`
	Country       string `json:"country,omitempty"`
	Type          string `json:"type,omitempty"`
	Primary       bool   `json:"primary,omitempty"`
}

// GroupRef is a group that holds a user. Type is "direct" or "indirect".
type GroupRef struct {
	Value   string `json:"value"`
	Ref     string `json:"$ref,omitempty"`
	Display string `json:"display,omitempty"`
	Type    string `json:"type,omitempty"`
}

// EnterpriseUser is the extension of RFC 7643 §4.3.
type EnterpriseUser struct {
	EmployeeNumber string   `json:"employeeNumber,omitempty"`
	CostCenter     string   `json:"costCenter,omitempty"`
	Organization   string   `json:"organization,omitempty"`
	Division       string   `json:"division,omitempty"`
	Department     string   `json:"department,omitempty"`
	Manager        *Manager `json:"manager,omitempty"`
}

// Manager refers to another user. DisplayName is the directory's to fill.
type Manager struct {
	Value       string `json:"value,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	DisplayName string `json:"displayName,omitempty"`
}

// Meta is the metadata of a resource. Version is opaque and plain; the server
// puts it into W/"…". ResourceType and Location are the server's to fill.
type Meta struct {
	ResourceType string    `json:"resourceType,omitempty"`
	Created      time.Time `json:"created,omitzero"`
	LastModified time.Time `json:"lastModified,omitzero"`
	Location     string    `json:"location,omitempty"`
	Version      string    `json:"version,omitempty"`
}

// IsActive reports whether the account may be used; not said means yes.
func (u *User) IsActive() bool { return u.Active == nil || *u.Active }

// PrimaryEmail is the address to use: the primary one, else the one for work,
// else the first; empty without any.
func (u *User) PrimaryEmail() string {
	pick := func(ok func(Plural) bool) string {
		for _, e := range u.Emails {
			if e.Value != "" && ok(e) {
				return e.Value
			}
		}
		return ""
	}
	if v := pick(func(e Plural) bool { return e.Primary }); v != "" {
		return v
	}
	if v := pick(func(e Plural) bool { return e.Type == "work" }); v != "" {
		return v
	}
	return pick(func(Plural) bool { return true })
}

// Document is the user in the shape of its JSON, for filter.Match and PATCH.
func (u *User) Document() (map[string]any, error) { return document(u) }

// userFrom reads a normalised document.
func userFrom(doc map[string]any) (User, error) {
	password, _ := doc["password"].(string)
	delete(doc, "password")
	u, err := fromDocument[User](doc)
	if err != nil {
		return u, err
	}
	u.Password = password
	if u.Enterprise != nil && u.Enterprise.Manager != nil {
		m := u.Enterprise.Manager
		if m.Value, err = named(m.Value, m.Ref, InvalidValue); err != nil {
			return u, err
		}
		m.Ref = ""
	}
	return u, nil
}

// named is the id that a reference means, whether it comes as value, as $ref or as
// both (RFC 7643 §2.4). Two that differ could mean either: kind says what that is.
func named(value, ref string, kind Kind) (string, error) {
	if ref == "" {
		return value, nil
	}
	id := path.Base(ref)
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	if !storable(id) {
		return "", fault.Bad(InvalidValue, "$ref names no resource")
	}
	if value != "" && value != id {
		return "", fault.Bad(kind, "value and $ref name two resources")
	}
	return id, nil
}

func document(v any) (map[string]any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode resource: %w", err)
	}
	var doc map[string]any
	if err := json.Unmarshal(b, &doc); err != nil {
		return nil, fmt.Errorf("decode resource: %w", err)
	}
	return doc, nil
}

func fromDocument[T any](doc map[string]any) (T, error) {
	var v T
	b, err := json.Marshal(doc)
	if err != nil {
		return v, fmt.Errorf("encode document: %w", err)
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return v, fmt.Errorf("decode document: %w", err)
	}
	return v, nil
}
