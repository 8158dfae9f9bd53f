package schema

// URNs of the schemas served.
const (
	UserURN       = "urn:ietf:params:scim:schemas:core:2.0:User"
	EnterpriseURN = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
	GroupURN      = "urn:ietf:params:scim:schemas:core:2.0:Group"
)

// Bounds of single values. Ordinary strings are short; keys and pictures are not.
const (
	maxString = 4 << 10
	maxBlob   = 256 << 10
	maxValues = 500
)

type option func(*Attribute)

func attribute(name string, t Type, description string, opts ...option) *Attribute {
	a := &Attribute{
		Name: name, Type: t, Description: description,
		Mutability: ReadWrite, Returned: Default, Uniqueness: "none",
	}
	if t != Boolean && t != Complex {
		a.MaxLength = maxString
	}
	// RFC 7643 §2.3.7 and §2.3.6: references and binary values are case exact.
	a.CaseExact = t == Reference || t == Binary
	for _, o := range opts {
		o(a)
	}
	return a
}

func text(name, description string, opts ...option) *Attribute {
	return attribute(name, String, description, opts...)
}

func complexOf(name, description string, sub []*Attribute, opts ...option) *Attribute {
	a := attribute(name, Complex, description, opts...)
	a.Sub = sub
	if a.Mutability == ReadOnly {
		for _, s := range sub {
			s.Mutability = ReadOnly
		}
	}
	return a
}

func multi(a *Attribute)     { a.MultiValued, a.MaxValues = true, maxValues }
func unbounded(a *Attribute) { a.MaxValues = 0 }
func required(a *Attribute)  { a.Required = true }
func exact(a *Attribute)     { a.CaseExact = true }
func readOnly(a *Attribute)  { a.Mutability = ReadOnly }
func immutable(a *Attribute) { a.Mutability = Immutable }
func always(a *Attribute)    { a.Returned = Always }
func unique(a *Attribute)    { a.Uniqueness = "server" }
func blob(a *Attribute)      { a.MaxLength = maxBlob }

func secret(a *Attribute) { a.Mutability, a.Returned = WriteOnly, Never }

func canonical(values ...string) option {
	return func(a *Attribute) { a.CanonicalValues = values }
}

func refersTo(types ...string) option {
	return func(a *Attribute) { a.ReferenceTypes = types }
}

// plural is the default set of sub-attributes of RFC 7643 §2.4.
func plural(value *Attribute, types ...string) []*Attribute {
	return []*Attribute{
		value,
		text("display", "A label for people."),
		text("type", "What the value is for.", canonical(types...)),
		attribute("primary", Boolean, "Whether this is the preferred value; at most one is."),
	}
}

// common are the attributes of RFC 7643 §3 and §3.1: part of every resource, of no schema.
var common = []*Attribute{
	attribute("schemas", Reference, "The schemas of the resource.", multi, always, refersTo("uri")),
	text("id", "The identifier that this server gave.", readOnly, always, exact, unique),
	text("externalId", "The identifier that the client gave.", exact),
	complexOf("meta", "Metadata.", []*Attribute{
		text("resourceType", "The resource type.", exact),
		attribute("created", DateTime, "When the resource was created."),
		attribute("lastModified", DateTime, "When the resource last changed."),
		attribute("location", Reference, "The URL of the resource.", refersTo("uri")),
		text("version", "The entity tag.", exact),
	}, readOnly),
}

// User is the resource type of RFC 7643 §4.1 with the extension of §4.3.
var User = &Resource{
	Name: "User", Endpoint: "/Users", Description: "A person's account.",
	Core: &Schema{
		ID: UserURN, Name: "User", Description: "A person's account.",
		Attributes: []*Attribute{
			text("userName", "The name by which the person signs in; unique in any case.", required, unique),
			complexOf("name", "The parts of the person's name.", []*Attribute{
				text("formatted", "The whole name as shown."),
				text("familyName", "The family name."),
				text("givenName", "The given name."),
				text("middleName", "The middle names."),
				text("honorificPrefix", "A title before the name."),
				text("honorificSuffix", "A suffix after the name."),
			}),
			text("displayName", "The name as shown to others."),
			text("nickName", "The casual name."),
			attribute("profileUrl", Reference, "The URL of the person's profile.", refersTo("external")),
			text("title", "The job title."),
			text("userType", "The relation to the organisation, such as Employee."),
			text("preferredLanguage", "The preferred languages, as in Accept-Language."),
			text("locale", "The locale for numbers and dates."),
			text("timezone", "The time zone in the IANA database."),
			attribute("active", Boolean, "Whether the account may be used."),
			text("password", "The password; write only.", secret),
			complexOf("emails", "E-mail addresses.",
				plural(text("value", "The address."), "work", "home", "other"), multi),
			complexOf("phoneNumbers", "Telephone numbers.",
				plural(text("value", "The number."), "work", "home", "mobile", "fax", "pager", "other"), multi),
			complexOf("ims", "Instant messaging addresses.",
				plural(text("value", "The address."), "aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"), multi),
			complexOf("photos", "Pictures of the person.",
				plural(attribute("value", Reference, "The URL of the picture.", refersTo("external"), blob), "photo", "thumbnail"), multi),
			complexOf("addresses", "Postal addresses.", []*Attribute{
				text("formatted", "The whole address as printed."),
				text("streetAddress", "Street and number."),
				text("locality", "City."),
				text("region", "State or region."),
				text("postalCode", "Postal code."),
				text("country", "Country, as in ISO 3166-1 alpha-2."),
				text("type", "What the address is for.", canonical("work", "home", "other")),
				attribute("primary", Boolean, "Whether this is the preferred address; at most one is."),
			}, multi),
			complexOf("groups", "The groups that hold the person; changed through the group.", []*Attribute{
				text("value", "The id of the group.", exact),
				attribute("$ref", Reference, "The URL of the group.", refersTo("Group")),
				text("display", "The name of the group."),
				text("type", "Whether the membership is direct.", canonical("direct", "indirect")),
			}, multi, unbounded, readOnly),
			complexOf("entitlements", "What the person is entitled to.", plural(text("value", "The entitlement.")), multi),
			complexOf("roles", "The person's roles.", plural(text("value", "The role.")), multi),
			complexOf("x509Certificates", "Certificates of the person.",
				plural(attribute("value", Binary, "The certificate, DER in base64.", blob)), multi),
		},
	},
	Extensions: []*Schema{Enterprise},
}

// Enterprise is the extension of RFC 7643 §4.3.
var Enterprise = &Schema{
	ID: EnterpriseURN, Name: "EnterpriseUser", Description: "What an employer knows about a person.",
	Attributes: []*Attribute{
		text("employeeNumber", "The number in the personnel system."),
		text("costCenter", "The cost centre."),
		text("organization", "The organisation."),
		text("division", "The division."),
		text("department", "The department."),
		complexOf("manager", "The person's manager.", []*Attribute{
			text("value", "The id of the manager.", exact),
			attribute("$ref", Reference, "The URL of the manager.", refersTo("User")),
			text("displayName", "The name of the manager.", readOnly),
		}),
	},
}

// Group is the resource type of RFC 7643 §4.2.
var Group = &Resource{
	Name: "Group", Endpoint: "/Groups", Description: "A group of people.",
	Core: &Schema{
		ID: GroupURN, Name: "Group", Description: "A group of people.",
		Attributes: []*Attribute{
			text("displayName", "The name of the group; unique in any case.", required, unique),
			complexOf("members", "Who belongs to the group.", []*Attribute{
				text("value", "The id of the member.", immutable, exact),
				attribute("$ref", Reference, "The URL of the member.", immutable, refersTo("User")),
				text("display", "The name of the member.", readOnly),
				// Groups inside groups are refused: see the directory.
				text("type", "What the member is.", immutable, canonical("User")),
			}, multi, unbounded),
		},
	},
}

// Resources are the resource types served, in the order of /ResourceTypes.
var Resources = []*Resource{User, Group}
