package scimtest

import (
	"net/http"
	"reflect"
	"strings"
	"time"
)

var coreSchema = []test{
	{"2.1 attribute names match in any case", func(c *client) {
		name := unique("case") + "@example.com"
		a := c.do("POST", "/Users", object{"SCHEMAS": array{userURN}, "USERNAME": name, "displayname": "Ann"}).want(201)
		a.equal(name, "userName").equal("Ann", "displayName").absent("USERNAME").absent("displayname")
	}},
	{"2.1 the same attribute twice is refused", func(c *client) {
		c.do("POST", "/Users", object{"userName": unique("a"), "USERNAME": unique("b")}).wantError(400, "invalidSyntax")
	}},
	{"2.2 unknown attributes and schemas are ignored on POST", func(c *client) {
		a := c.newUser(object{
			"schemas":                  array{userURN, "urn:example:params:other"},
			"urn:example:params:other": object{"x": 1}, "favouriteColour": "blue",
			"name": object{"givenName": "Ann", "shoeSize": 42},
		})
		a.absent("favouriteColour").absent("urn:example:params:other").absent("name", "shoeSize").equal("Ann", "name", "givenName")
	}},
	{"2.4 primary is true at most once", func(c *client) {
		two := array{object{"value": "a@example.com", "primary": true}, object{"value": "b@example.com", "primary": true}}
		c.do("POST", "/Users", object{"userName": unique("p"), "emails": two}).wantError(400, "invalidValue")
	}},
	{"2.4 the same value and type is kept once", func(c *client) {
		a := c.newUser(object{"emails": array{
			object{"value": "a@example.com", "type": "work"}, object{"value": "A@example.com", "type": "work", "primary": true}}})
		if n := len(a.at("emails").([]any)); n != 1 {
			c.t.Errorf("%d e-mails, want 1", n)
		}
	}},
	{"2.5 null, empty string and empty list leave an attribute unassigned", func(c *client) {
		a := c.newUser(object{"title": nil, "nickName": "", "emails": array{}, "roles": nil, "name": object{"givenName": nil}})
		a.absent("title").absent("nickName").absent("emails").absent("roles").absent("name")
	}},
	{"3 schemas names the extension only where it is used", func(c *client) {
		plain := c.newUser(object{"schemas": array{userURN, enterpriseURN}})
		plain.equal(userURN, "schemas", 0).absent("schemas", 1)
		c.newUser(object{enterpriseURN: object{"department": "Tools"}}).equal(enterpriseURN, "schemas", 1)
	}},
	{"3.1 id and meta are the server's", func(c *client) {
		a := c.newUser(object{"id": "mine", "meta": object{"resourceType": "Robot", "created": "1999-01-01T00:00:00Z"}})
		if a.id() == "mine" || a.id() == "" {
			c.t.Errorf("id is %q", a.id())
		}
		a.equal("User", "meta", "resourceType").equal(c.f.BaseURL+"/Users/"+a.id(), "meta", "location")
		for _, name := range []string{"created", "lastModified"} {
			s, _ := a.at("meta", name).(string)
			at, err := time.Parse(time.RFC3339, s)
			if err != nil || time.Since(at).Abs() > time.Hour || !strings.HasSuffix(s, "Z") {
				c.t.Errorf("meta.%s is %q", name, s)
			}
		}
		a.equal(a.header.Get("ETag"), "meta", "version")
	}},
	{"3.1 externalId is the client's", func(c *client) {
		id := unique("ext")
		c.newUser(object{"externalId": id}).equal(id, "externalId")
	}},
	{"4.1 every attribute of User comes back as sent", userRoundTrip},
	{"4.1.1 userName is required", func(c *client) {
		c.do("POST", "/Users", object{"schemas": array{userURN}}).wantError(400, "invalidValue")
		c.do("POST", "/Users", object{"userName": ""}).wantError(400, "invalidValue")
	}},
	{"4.1.1 active is true unless said otherwise", func(c *client) {
		c.newUser(nil).equal(true, "active")
		c.newUser(object{"active": false}).equal(false, "active")
	}},
	{"4.1.1 password is accepted and never returned", func(c *client) {
		a := c.newUser(object{"password": "t0p-secret-value"})
		for _, b := range []*answer{a, c.do("GET", "/Users/"+a.id()+"?attributes=password,userName", nil),
			c.patch("/Users/"+a.id(), object{"op": "replace", "path": "password", "value": "t0p-secret-value"})} {
			if strings.Contains(b.raw, "t0p-secret") {
				c.t.Errorf("%s: the password came back", b.what)
			}
		}
	}},
	{"4.1.2 groups shows direct membership and cannot be written", func(c *client) {
		u := c.newUser(object{"groups": array{object{"value": "made-up"}}})
		u.absent("groups")
		g := c.newGroup(u.id())
		a := c.do("GET", "/Users/"+u.id(), nil).want(200)
		a.equal(g.id(), "groups", 0, "value").equal(c.f.BaseURL+"/Groups/"+g.id(), "groups", 0, "$ref").
			equal(g.at("displayName"), "groups", 0, "display")
	}},
	{"4.2 a group has a name and members with id, $ref and type", func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup(u.id())
		g.equal(groupURN, "schemas", 0).equal("Group", "meta", "resourceType").
			equal(u.id(), "members", 0, "value").equal("User", "members", 0, "type").
			equal(c.f.BaseURL+"/Users/"+u.id(), "members", 0, "$ref")
		c.do("POST", "/Groups", object{"schemas": array{groupURN}}).wantError(400, "invalidValue")
	}},
	{"4.2 a member's value, $ref and type cannot be patched", func(c *client) {
		ids := c.newUsers(2)
		g := c.newGroup(ids[0])
		for _, sub := range []string{"value", "$ref", "type"} {
			c.patch("/Groups/"+g.id(), op("replace", `members[value eq "`+ids[0]+`"].`+sub, ids[1])).wantError(400, "mutability")
		}
		c.wantMembers(g.id(), ids[0])
	}},
	{"4.2 a member must exist", func(c *client) {
		c.do("POST", "/Groups", object{"displayName": unique("G"), "members": refs("nobody")}).wantError(400, "invalidValue")
	}},
	{"4.3 every attribute of EnterpriseUser comes back as sent", func(c *client) {
		boss := c.newUser(object{"displayName": "The Boss"})
		ext := object{"employeeNumber": "701984", "costCenter": "4130", "organization": "Universal Studios",
			"division": "Theme Park", "department": "Tour Operations", "manager": object{"value": boss.id()}}
		a := c.newUser(object{"schemas": array{userURN, enterpriseURN}, enterpriseURN: ext})
		for _, k := range []string{"employeeNumber", "costCenter", "organization", "division", "department"} {
			a.equal(ext[k], enterpriseURN, k)
		}
		a.equal(boss.id(), enterpriseURN, "manager", "value").equal(c.f.BaseURL+"/Users/"+boss.id(), enterpriseURN, "manager", "$ref")
	}},
	{"5 ServiceProviderConfig states what is served", func(c *client) {
		a := c.do("GET", "/ServiceProviderConfig", nil).want(200)
		for _, k := range []string{"patch", "bulk", "filter", "sort", "etag"} {
			a.equal(true, k, "supported")
		}
		a.equal("urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig", "schemas", 0).
			equal("oauthbearertoken", "authenticationSchemes", 0, "type").equal(false, "changePassword", "supported").
			equal(c.f.BaseURL+"/ServiceProviderConfig", "meta", "location")
	}},
	{"6 ResourceTypes lists User and Group", func(c *client) {
		a := c.do("GET", "/ResourceTypes", nil)
		if got := a.texts("name"); !reflect.DeepEqual(got, []string{"User", "Group"}) {
			c.t.Errorf("resource types %v", got)
		}
		a.equal(enterpriseURN, "Resources", 0, "schemaExtensions", 0, "schema").equal(false, "Resources", 0, "schemaExtensions", 0, "required")
		c.do("GET", "/ResourceTypes/Group", nil).want(200).equal("/Groups", "endpoint").equal(groupURN, "schema")
		c.do("GET", "/ResourceTypes/Robot", nil).want(404)
	}},
	{"7 Schemas describes every attribute with its characteristics", schemasComplete},
	{"7 what Schemas promises is what happens", func(c *client) {
		// Every attribute that a client may write is accepted and, unless its
		// "returned" says never, given back.
		u := c.do("GET", "/Schemas/"+userURN, nil).want(200)
		for _, e := range u.at("attributes").([]any) {
			name, _ := dig(e, "name").(string)
			if dig(e, "mutability") != "readWrite" || name == "userName" {
				continue
			}
			value, expect := sample(e)
			a := c.newUser(object{name: value})
			if got := a.at(name); !reflect.DeepEqual(got, expect) {
				c.t.Errorf("%s: sent %v, got %v", name, value, got)
			}
		}
	}},
}

// sample makes a value for an attribute as /Schemas describes it.
func sample(a any) (value, expect any) {
	switch dig(a, "type") {
	case "boolean":
		value = false
	case "reference":
		value = "https://example.com/x"
	case "binary":
		value = "AQID"
	case "complex":
		obj := object{}
		subs, _ := dig(a, "subAttributes").([]any)
		for _, s := range subs {
			if dig(s, "mutability") == "readOnly" {
				continue
			}
			v, _ := sample(s)
			if dig(s, "type") == "boolean" {
				v = true
			}
			name, _ := dig(s, "name").(string)
			obj[name] = v
		}
		value = obj
	default:
		value = "text"
	}
	if dig(a, "multiValued") == true {
		value = array{value}
	}
	return value, value
}

func userRoundTrip(c *client) {
	plural := func(values ...string) array {
		out := array{}
		for i, v := range values {
			e := object{"value": v, "type": "work", "display": "D" + v}
			if i == 0 {
				e["primary"] = true
			} else {
				e["type"] = "home"
			}
			out = append(out, e)
		}
		return out
	}
	sent := object{
		"externalId": unique("x"), "displayName": "Babs Jensen", "nickName": "Babs", "title": "Tour Guide",
		"profileUrl": "https://login.example.com/bjensen", "userType": "Employee", "preferredLanguage": "en-US",
		"locale": "en-US", "timezone": "America/Los_Angeles", "active": true,
		"name": object{"formatted": "Ms. Barbara J Jensen, III", "familyName": "Jensen", "givenName": "Barbara",
			"middleName": "Jane", "honorificPrefix": "Ms.", "honorificSuffix": "III"},
		"emails": plural("bjensen@example.com", "babs@jensen.example"), "phoneNumbers": plural("555-555-5555", "555-555-4444"),
		"ims": plural("someaimhandle"), "photos": plural("https://photos.example.com/F"),
		"entitlements": plural("e1"), "roles": plural("r1", "r2"), "x509Certificates": plural("AQIDBA=="),
		"addresses": array{
			object{"type": "work", "streetAddress": "100 Universal City Plaza", "locality": "Hollywood", "region": "CA",
				"postalCode": "91608", "country": "US", "formatted": "100 Universal City Plaza\nHollywood, CA 91608 US", "primary": true},
			object{"type": "home", "locality": "Hollywood", "country": "US"}},
	}
	a := c.newUser(sent)
	b := c.do("GET", "/Users/"+a.id(), nil).want(http.StatusOK)
	for k, v := range sent {
		if !reflect.DeepEqual(a.at(k), v) {
			c.t.Errorf("POST: %s is %v, want %v", k, a.at(k), v)
		}
		if !reflect.DeepEqual(b.at(k), v) {
			c.t.Errorf("GET: %s is %v, want %v", k, b.at(k), v)
		}
	}
}

func schemasComplete(c *client) {
	a := c.do("GET", "/Schemas", nil)
	if got := a.texts("id"); !reflect.DeepEqual(got, []string{userURN, enterpriseURN, groupURN}) {
		c.t.Errorf("schemas %v", got)
	}
	var walk func(list any, where string)
	walk = func(list any, where string) {
		attributes, _ := list.([]any)
		for _, e := range attributes {
			name, _ := dig(e, "name").(string)
			for _, k := range []string{"name", "type", "mutability", "returned", "uniqueness", "description"} {
				if s, _ := dig(e, k).(string); s == "" {
					c.t.Errorf("%s%s has no %s", where, name, k)
				}
			}
			for _, k := range []string{"multiValued", "required", "caseExact"} {
				if _, ok := dig(e, k).(bool); !ok {
					c.t.Errorf("%s%s has no %s", where, name, k)
				}
			}
			if dig(e, "type") == "complex" {
				walk(dig(e, "subAttributes"), where+name+".")
			}
		}
	}
	for _, urn := range []string{userURN, enterpriseURN, groupURN} {
		s := c.do("GET", "/Schemas/"+urn, nil).want(200)
		s.equal(urn, "id").equal(c.f.BaseURL+"/Schemas/"+urn, "meta", "location")
		walk(s.at("attributes"), "")
	}
	c.do("GET", "/Schemas/"+strings.ToLower(userURN), nil).want(200)
	c.do("GET", "/Schemas/urn:example:none", nil).want(404)
}
