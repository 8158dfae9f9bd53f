package scimtest

import (
	"regexp"
	"slices"
	"strings"
	"time"
)

// eachAttribute visits every attribute and sub-attribute that /Schemas describes.
func eachAttribute(c *client, visit func(where string, a, parent any)) {
	c.t.Helper()
	for _, s := range c.do("GET", "/Schemas", nil).resources() {
		var walk func(list any, where string, parent any)
		walk = func(list any, where string, parent any) {
			attributes, _ := list.([]any)
			for _, a := range attributes {
				name, _ := dig(a, "name").(string)
				visit(where+name, a, parent)
				walk(dig(a, "subAttributes"), where+name+".", a)
			}
		}
		id, _ := dig(s, "id").(string)
		walk(dig(s, "attributes"), id+":", nil)
	}
}

var attributeName = regexp.MustCompile(`^(\$ref|[A-Za-z][-_0-9A-Za-z]*)$`)

// coreClauses are RFC 7643 sections 2 to 8.
var coreClauses = []clause{
	must("2.1", "attribute names conform to the ABNF", shown(func(c *client) {
		eachAttribute(c, func(where string, a, _ any) {
			if name, _ := dig(a, "name").(string); !attributeName.MatchString(name) {
				c.t.Errorf("%s is no attribute name", where)
			}
		})
	})),
	must("2.1", "a resource is a JSON object that names its schemas", by("3 schemas names the schema of the resource, once and never empty", "RFC7644/3.12/bodies that are no resource")),
	plain("2.1", "attribute names are not case-sensitive", by("2.1 attribute names match in any case")),
	plain("2.2", "each attribute states its characteristics", by("7 Schemas describes every attribute with its characteristics")),
	should("2.3", "extensions bring no new data types", moot("no schema of ours is served, only those of the standard")),
	plain("2.3.2", "a boolean is true or false", shown(func(c *client) {
		for _, v := range []any{"yes", 1, array{true, false}, object{"a": true}} {
			c.do("POST", "/Users", object{"userName": unique("b"), "active": v}).wantError(400, "invalidValue")
		}
	})),
	plain("2.3.3", "a decimal has a digit on each side of its point", moot("no attribute is a decimal")),
	must("2.3.4", "an integer has no fraction", moot("no attribute of a resource is an integer")),
	must("2.3.5", "a dateTime is an xsd:dateTime with date and time", by("3.1 id and meta are the server's")),
	must("2.3.6", "a binary value is base64", shown(func(c *client) {
		cert := func(v string) object {
			return object{"userName": unique("x"), "x509Certificates": array{object{"value": v}}}
		}
		c.do("POST", "/Users", cert("not base64!")).wantError(400, "invalidValue")
		c.do("POST", "/Users", cert("AQIDBA==")).want(201).equal("AQIDBA==", "x509Certificates", 0, "value")
	})),
	plain("2.3.6", "the padding of base64 may be left out", shown(func(c *client) {
		for _, v := range []string{"AQ", "AQI", "AQID"} {
			c.do("POST", "/Users", object{"userName": unique("x"), "x509Certificates": array{object{"value": v}}}).want(201).equal(v, "x509Certificates", 0, "value")
		}
	})),
	plain("2.3.6", "binary values and references are case exact", shown(func(c *client) {
		eachAttribute(c, func(where string, a, _ any) {
			if t := dig(a, "type"); (t == "binary" || t == "reference") && dig(a, "caseExact") != true {
				c.t.Errorf("%s is a %v and not case exact", where, t)
			}
		})
	})),
	must("2.3.7", "a reference to a resource is the URI at which GET finds it", shown(func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup(u.id())
		ref, _ := g.at("members", 0, "$ref").(string)
		c.do("GET", ref, nil).want(200).equal(u.id(), "id")
		ref, _ = c.do("GET", "/Users/"+u.id(), nil).at("groups", 0, "$ref").(string)
		c.do("GET", ref, nil).want(200).equal(g.id(), "id")
	})),
	must("2.3.7", "a reference is an absolute or a relative URI", shown(func(c *client) {
		for _, v := range []string{"no such thing", "https://[broken", "<script>"} {
			c.do("POST", "/Users", object{"userName": unique("r"), "profileUrl": v}).wantError(400, "invalidValue")
			c.do("POST", "/Users", object{"userName": unique("r"), "photos": array{object{"value": v}}}).wantError(400, "invalidValue")
		}
		for _, v := range []string{"https://example.com/~ann?x=1#top", "/people/ann", "data:image/png;base64,AQID"} {
			c.newUser(object{"photos": array{object{"value": v}}}).equal(v, "photos", 0, "value")
		}
	})),
	must("2.3.7", "a relative reference to a resource starts from the base URL", shown(func(c *client) {
		boss := c.newUser(nil)
		for _, ref := range []string{"../Users/" + boss.id(), "/Users/" + boss.id(), boss.at("meta", "location").(string)} {
			c.newUser(object{enterpriseURN: object{"manager": object{"$ref": ref}}}).equal(boss.id(), enterpriseURN, "manager", "value").
				equal(boss.at("meta", "location"), enterpriseURN, "manager", "$ref")
			g := c.do("POST", "/Groups", object{"displayName": unique("g"), "members": array{object{"$ref": ref}}}).want(201)
			c.wantMembers(g.id(), boss.id())
		}
	})),
	must("2.3.7", "GET of a reference answers as HTTP does, also when its target is gone", shown(func(c *client) {
		boss := c.newUser(nil)
		u := c.newUser(object{enterpriseURN: object{"manager": object{"value": boss.id()}}})
		ref := u.at(enterpriseURN, "manager", "$ref").(string)
		c.do("DELETE", "/Users/"+boss.id(), nil).want(204)
		c.do("GET", ref, nil).want(404)
	})),
	plain("2.3.7", "referenceTypes are given for references and nothing else", shown(func(c *client) {
		eachAttribute(c, func(where string, a, _ any) {
			if is := dig(a, "type") == "reference"; is != (dig(a, "referenceTypes") != nil) {
				c.t.Errorf("%s: type %v, referenceTypes %v", where, dig(a, "type"), dig(a, "referenceTypes"))
			}
		})
	})),
	must("2.3.8", "attributes are taken in any order", shown(func(c *client) {
		tag := unique("order")
		c.do("POST", "/Users", `{"emails":[{"primary":true,"type":"work","value":"a@example.com"}],"name":{"givenName":"G"},"userName":"`+tag+`","schemas":["`+userURN+`"]}`).
			want(201).equal(tag, "userName").equal("a@example.com", "emails", 0, "value")
		c.do("POST", "/Bulk", `{"Operations":[{"data":{"userName":"`+tag+`2"},"bulkId":"q","path":"/Users","method":"POST"}],"schemas":["`+bulkURN+`"]}`).
			want(200).equal("201", "Operations", 0, "status")
	})),
	must("2.3.8", "a complex attribute holds no complex sub-attribute", shown(func(c *client) {
		eachAttribute(c, func(where string, a, parent any) {
			if parent != nil && dig(a, "type") == "complex" {
				c.t.Errorf("%s is complex inside a complex attribute", where)
			}
		})
	})),
	must("2.4", "the sub-attributes value, display, type, primary and $ref mean what the standard says", by("4.1 every attribute of User comes back as sent", "4.2 a group has a name and members with id, $ref and type")),
	must("2.4", "primary is true for one value at most", by("2.4 primary is true at most once")),
	must("2.4", "a value without primary is not the primary one", shown(func(c *client) {
		u := c.newUser(object{"emails": array{email("a@example.com", "work")}})
		u.absent("emails", 0, "primary")
		for f, n := range map[string]int{"primary eq true": 0, "primary eq false": 1} {
			if got := len(c.find("/Users", `id eq "`+u.id()+`" and emails[`+f+`]`).resources()); got != n {
				c.t.Errorf("%s: %d, want %d", f, got, n)
			}
		}
	})),
	should("2.4", "the same value and type are not returned twice", by("2.4 the same value and type is kept once")),
	should("2.4", "values are returned in canonical form where there is one", missed("values are kept as the client wrote them, because identity providers compare what they read with what they sent; types are compared in any case")),
	must("2.5", "null, an empty list and absence are the same", by("2.5 null, empty string and empty list leave an attribute unassigned")),
	must("3", "schemas names the schema of the resource, once and never empty", shown(func(c *client) {
		u := c.newUser(object{"schemas": array{enterpriseURN, userURN, userURN}, enterpriseURN: object{"department": "D"}})
		for _, a := range []*answer{u, c.newGroup(), c.do("GET", "/ServiceProviderConfig", nil), c.do("GET", "/ResourceTypes/User", nil), c.do("GET", "/Schemas/"+userURN, nil)} {
			list, _ := a.at("schemas").([]any)
			seen := map[any]bool{}
			for _, s := range list {
				if seen[s] {
					c.t.Errorf("%s: schema %v twice", a.what, s)
				}
				seen[s] = true
			}
			if len(list) == 0 {
				c.t.Errorf("%s: no schemas", a.what)
			}
		}
	})),
	must("3", "schemas names nothing but the schema and the extensions of the resource type", shown(func(c *client) {
		u := c.newUser(object{"schemas": array{userURN, groupURN, "urn:example:params:other"}, enterpriseURN: object{"department": "D"}})
		u.equal(userURN, "schemas", 0).equal(enterpriseURN, "schemas", 1).absent("schemas", 2)
		c.do("POST", "/Groups", object{"schemas": array{groupURN, userURN}, "displayName": unique("g")}).want(201).equal(groupURN, "schemas", 0).absent("schemas", 1)
	})),
	must("3", "the order of schemas means nothing", shown(func(c *client) {
		c.newUser(object{"schemas": array{enterpriseURN, userURN}, enterpriseURN: object{"department": "D"}}).equal("D", enterpriseURN, "department")
	})),
	must("3.1", "every resource has an id and meta", shown(func(c *client) {
		for _, a := range []*answer{c.newUser(nil), c.newGroup(), c.do("GET", "/Schemas/"+userURN, nil)} {
			for _, k := range []string{"resourceType", "location"} {
				if a.id() == "" || a.at("meta", k) == nil {
					c.t.Errorf("%s: id %q, meta.%s %v", a.what, a.id(), k, a.at("meta", k))
				}
			}
		}
	})),
	plain("3.1", "common attributes belong to no schema", shown(func(c *client) {
		eachAttribute(c, func(where string, a, parent any) {
			if parent == nil && slices.Contains([]any{"id", "externalId", "meta", "schemas"}, dig(a, "name")) {
				c.t.Errorf("%s is described as the schema's own", where)
			}
		})
	})),
	must("3.1", "the id is the server's, not empty and stable", shown(func(c *client) {
		u := c.newUser(object{"id": "chosen"})
		if u.id() == "chosen" || u.id() == "" {
			c.t.Errorf("id %q", u.id())
		}
		c.do("PUT", "/Users/"+u.id(), object{"id": "chosen", "userName": u.at("userName")}).want(200).equal(u.id(), "id")
		c.do("PUT", "/Users/"+u.id(), object{"userName": unique("renamed") + "@example.com"}).want(200).equal(u.id(), "id")
	})),
	must("3.1", "no id holds the keyword bulkId, and none is given twice", shown(func(c *client) {
		seen := map[string]bool{}
		for _, id := range append(c.newUsers(5), c.newGroup().id(), c.newGroup().id()) {
			if seen[id] || strings.Contains(strings.ToLower(id), "bulkid") {
				c.t.Errorf("id %q", id)
			}
			seen[id] = true
		}
	})),
	must("3.1", "externalId is the client's and case exact", by("3.1 externalId is the client's", "4.1 every attribute of User comes back as sent")),
	must("3.1", "the server gives no externalId", shown(func(c *client) {
		u, g := c.newUser(nil), c.newGroup()
		c.do("GET", "/Users/"+u.id(), nil).want(200).absent("externalId")
		c.do("GET", "/Groups/"+g.id(), nil).want(200).absent("externalId")
	})),
	must("3.1", "externalId is scoped to the provisioning domain", shown(func(c *client) {
		other := c.as(c.f.Other)
		id := unique("ext")
		c.newUser(object{"externalId": id})
		other.newUser(object{"externalId": id}).equal(id, "externalId")
		if n := len(c.find("/Users", `externalId eq "`+id+`"`).resources()); n != 1 {
			c.t.Errorf("%d people with the externalId", n)
		}
	})),
	must("3.1", "meta that a client sends is ignored", by("3.1 id and meta are the server's")),
	must("3.1", "lastModified is created as long as nothing was modified", shown(func(c *client) {
		for _, a := range []*answer{c.newUser(nil), c.newGroup(c.newUser(nil).id())} {
			a.equal(a.at("meta", "created"), "meta", "lastModified")
		}
	})),
	plain("3.1", "lastModified moves with a change", shown(func(c *client) {
		u := c.newUser(nil)
		a := c.patch("/Users/"+u.id(), op("replace", "title", "T")).want(200).equal(u.at("meta", "created"), "meta", "created")
		before, _ := time.Parse(time.RFC3339, u.at("meta", "lastModified").(string))
		after, _ := time.Parse(time.RFC3339, a.at("meta", "lastModified").(string))
		if !after.After(before) {
			c.t.Errorf("lastModified %v, then %v", before, after)
		}
	})),
	must("3.1", "meta.location is the Content-Location of the answer", shown(func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup()
		for _, a := range []*answer{
			u, g, c.do("GET", "/Users/"+u.id(), nil), c.do("GET", "/Groups/"+g.id(), nil), c.patch("/Users/"+u.id(), op("add", "title", "T")),
			c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName")}), c.do("GET", "/ServiceProviderConfig", nil),
			c.do("GET", "/ResourceTypes/User", nil), c.do("GET", "/Schemas/"+userURN, nil),
		} {
			if got := a.header.Get("Content-Location"); got == "" || got != a.at("meta", "location") {
				c.t.Errorf("%s: Content-Location %q, meta.location %v", a.what, got, a.at("meta", "location"))
			}
		}
	})),
	must("3.1", "meta.version is the ETag of the answer", by("3.1 id and meta are the server's", "RFC7644/3.3/POST answers 201 with Location, ETag and the whole resource")),
	must("3.1", "a weak entity tag begins with W and a slash", by("RFC7644/3.3/POST answers 201 with Location, ETag and the whole resource")),
	must("3.3", "schemas holds the base schema at least", by("3 schemas names the extension only where it is used")),
	must("3.3", "an extension in use is named in schemas", by("3 schemas names the extension only where it is used")),
	must("3.3", "an extension's attributes stand under its URN", by("4.3 every attribute of EnterpriseUser comes back as sent")),
	must("4.1.1", "userName is required and not empty", by("4.1.1 userName is required")),
	must("4.1.1", "userName is unique in any case", by("RFC7644/3.3/a duplicate is 409 uniqueness, in any case")),
	must("4.1.1", "the password is never returned", by("4.1.1 password is accepted and never returned")),
	plain("4.1.1", "active says whether the account may be used", by("4.1.1 active is true unless said otherwise")),
	plain("4.1.1", "a locale is as in RFC 5646 and a time zone in the IANA database", moot("a requirement on the client's value; it is kept as sent and nothing hangs on it")),
	should("4.1.2", "e-mail addresses are as in RFC 5321 and returned in canonical form", missed("addresses are kept as sent, because identity providers compare what they read with what they sent; they are compared in any case, and what is no address gives no access: only a verified address in a claimed domain links a person")),
	should("4.1.2", "telephone numbers are canonicalised to RFC 3966", missed("values are kept as sent: identity providers would write a changed value again and again")),
	must("4.1.2", "a photo is the URL of a picture, not of a page", moot("a requirement on the client's value; it is never fetched")),
	must("4.1.2", "a country is a code of ISO 3166-1 alpha-2", missed("the value is kept as sent: directories hold names of countries there, and a person whose address is refused could not be provisioned at all")),
	must("4.1.2", "the value of groups is the id of the group", by("4.1.2 groups shows direct membership and cannot be written")),
	must("4.1.2", "groups change through the Group resource only", by("4.1.2 groups shows direct membership and cannot be written")),
	must("4.1.2", "a certificate value holds one DER certificate in base64", moot("certificates give nothing here; what is no base64 is refused")),
	must("4.2", "a group has a displayName", by("4.2 a group has a name and members with id, $ref and type")),
	plain("4.2", "a member's value, $ref and type are immutable", by("4.2 a member's value, $ref and type cannot be patched")),
	plain("4.2", "a group holds what Schemas says that it may", shown(nestedGroupsAreRefused)),
	should("4.3", "a manager has value and $ref", by("4.3 every attribute of EnterpriseUser comes back as sent")),
	plain("4.3", "value and $ref name one manager", shown(func(c *client) {
		a, b := c.newUser(nil), c.newUser(nil)
		two := object{"value": a.id(), "$ref": b.at("meta", "location")}
		c.do("POST", "/Users", object{"userName": unique("m"), enterpriseURN: object{"manager": two}}).wantError(400, "invalidValue")
		u := c.newUser(object{enterpriseURN: object{"manager": object{"value": a.id()}}})
		c.patch("/Users/"+u.id(), op("replace", enterpriseURN+":manager.$ref", b.at("meta", "location"))).want(200).equal(b.id(), enterpriseURN, "manager", "value")
		c.do("POST", "/Groups", object{"displayName": unique("g"), "members": array{two}}).wantError(400, "invalidValue")
	})),
	plain("4.3", "the manager's displayName is read-only", shown(func(c *client) {
		boss := c.newUser(object{"displayName": "The Boss"})
		u := c.newUser(object{enterpriseURN: object{"manager": object{"value": boss.id(), "displayName": "Somebody"}}})
		if got := u.at(enterpriseURN, "manager", "displayName"); got != nil && got != "The Boss" {
			c.t.Errorf("manager.displayName is %v", got)
		}
		c.patch("/Users/"+u.id(), op("replace", enterpriseURN+":manager.displayName", "Somebody")).wantError(400, "mutability")
	})),
	must("5", "the configuration states patch, bulk, filter, changePassword, sort, etag and authenticationSchemes", shown(func(c *client) {
		a := c.do("GET", "/ServiceProviderConfig", nil).want(200)
		for _, k := range []string{"patch", "bulk", "filter", "changePassword", "sort", "etag"} {
			if _, ok := a.at(k, "supported").(bool); !ok {
				c.t.Errorf("%s.supported is %v", k, a.at(k, "supported"))
			}
		}
		for _, k := range []string{"maxOperations", "maxPayloadSize"} {
			if n, _ := a.at("bulk", k).(float64); n < 1 {
				c.t.Errorf("bulk.%s is %v", k, n)
			}
		}
		if n, _ := a.at("filter", "maxResults").(float64); n < 1 {
			c.t.Errorf("filter.maxResults is %v", n)
		}
		for _, k := range []string{"type", "name", "description"} {
			if s, _ := a.at("authenticationSchemes", 0, k).(string); s == "" {
				c.t.Errorf("authenticationSchemes.%s is missing", k)
			}
		}
	})),
	should("5", "authenticationSchemes can be read without authentication", shown(func(c *client) {
		a := c.do("GET", "/ServiceProviderConfig", nil, header{"Authorization", ""}).want(200)
		a.equal("oauthbearertoken", "authenticationSchemes", 0, "type")
		if whole := c.do("GET", "/ServiceProviderConfig", nil); whole.raw != a.raw {
			c.t.Errorf("with a token: %s", whole.raw)
		}
		// Who shows a token learns whether it is good; nothing else is public.
		c.do("GET", "/ServiceProviderConfig", nil, header{"Authorization", "Bearer wrong"}).want(401)
		for _, path := range []string{"/Schemas", "/ResourceTypes", "/Users", "/ServiceProviderConfig/x"} {
			c.do("GET", path, nil, header{"Authorization", ""}).want(401)
		}
		c.do("POST", "/ServiceProviderConfig", nil, header{"Authorization", ""}).want(401)
	})),
	must("6", "a resource type has a name, an endpoint and a schema that exists", shown(func(c *client) {
		for _, r := range c.do("GET", "/ResourceTypes", nil).resources() {
			for _, k := range []string{"name", "endpoint", "schema"} {
				if s, _ := dig(r, k).(string); s == "" {
					c.t.Errorf("%v has no %s", r, k)
				}
			}
			schema, _ := dig(r, "schema").(string)
			c.do("GET", "/Schemas/"+schema, nil).want(200)
			endpoint, _ := dig(r, "endpoint").(string)
			c.do("GET", endpoint+"?count=0", nil).want(200)
			extensions, _ := dig(r, "schemaExtensions").([]any)
			for _, x := range extensions {
				urn, _ := dig(x, "schema").(string)
				if _, ok := dig(x, "required").(bool); !ok {
					c.t.Errorf("%v: required is missing", x)
				}
				c.do("GET", "/Schemas/"+urn, nil).want(200)
			}
		}
	})),
	must("6", "a resource holds the extensions that its type requires", moot("no extension is required")),
	must("7", "each schema has a name and a description", shown(func(c *client) {
		for _, s := range c.do("GET", "/Schemas", nil).resources() {
			for _, k := range []string{"id", "name", "description"} {
				if text, _ := dig(s, k).(string); text == "" {
					c.t.Errorf("%v has no %s", dig(s, "id"), k)
				}
			}
		}
	})),
	must("7", "filters compare as caseExact says", by("RFC7644/3.4.2.2/every operator")),
	must("7", "the case of a value is kept", by("4.1 every attribute of User comes back as sent")),
	must("7", "an immutable attribute is not changed", by("4.2 a member's value, $ref and type cannot be patched")),
	must("7", "each schema has its URI as id and lists its attributes", by("7 Schemas describes every attribute with its characteristics")),
	must("7", "a readOnly attribute is not changed by a client", by("3.1 id and meta are the server's", "4.1.2 groups shows direct membership and cannot be written")),
	must("7", "a writeOnly attribute is never returned", by("4.1.1 password is accepted and never returned")),
	plain("7", "writeOnly goes with returned never", shown(func(c *client) {
		eachAttribute(c, func(where string, a, _ any) {
			if dig(a, "mutability") == "writeOnly" && dig(a, "returned") != "never" {
				c.t.Errorf("%s is writeOnly and returned %v", where, dig(a, "returned"))
			}
		})
	})),
	plain("7", "characteristics use the words of the standard", shown(func(c *client) {
		words := map[string][]string{
			"type":       {"string", "boolean", "decimal", "integer", "dateTime", "reference", "complex", "binary"},
			"mutability": {"readOnly", "readWrite", "immutable", "writeOnly"},
			"returned":   {"always", "never", "default", "request"},
			"uniqueness": {"none", "server", "global"},
		}
		eachAttribute(c, func(where string, a, _ any) {
			for k, allowed := range words {
				if s, _ := dig(a, k).(string); !slices.Contains(allowed, s) {
					c.t.Errorf("%s: %s is %q", where, k, s)
				}
			}
		})
	})),
	plain("7", "what is returned always cannot be left out", shown(func(c *client) {
		u := c.newUser(nil)
		for _, q := range []string{"excludedAttributes=id,schemas", "attributes=title"} {
			a := c.do("GET", "/Users/"+u.id()+"?"+q, nil).want(200)
			if a.id() != u.id() || a.at("schemas", 0) == nil {
				c.t.Errorf("%s: %s", q, a.raw)
			}
		}
	})),
	plain("7", "uniqueness that Schemas promises is kept", shown(func(c *client) {
		for urn, endpoint := range map[string]string{userURN: "/Users", groupURN: "/Groups"} {
			attributes, _ := c.do("GET", "/Schemas/"+urn, nil).want(200).at("attributes").([]any)
			for _, a := range attributes {
				name, _ := dig(a, "name").(string)
				if dig(a, "uniqueness") == "none" {
					continue
				}
				taken := unique("taken")
				c.do("POST", endpoint, object{name: taken}).want(201)
				c.do("POST", endpoint, object{name: strings.ToUpper(taken)}).wantError(409, "uniqueness")
			}
		}
	})),
	plain("7", "canonical values are suggestions where nothing says otherwise", shown(func(c *client) {
		c.newUser(object{"emails": array{email("a@example.com", "assistant")}}).equal("assistant", "emails", 0, "type")
	})),
	plain("8.7.1", "each attribute has the characteristics of the standard's own definition", shown(standardCharacteristics)),
	plain("8.7.1", "what is described is what happens", by("7 what Schemas promises is what happens")),
}

// nestedGroupsAreRefused: a group inside a group is a client error, and the schema
// does not promise otherwise.
func nestedGroupsAreRefused(c *client) {
	inner, u := c.newGroup(), c.newUser(nil)
	outer := c.newGroup(u.id())
	c.patch("/Groups/"+outer.id(), op("add", "members", refs(inner.id()))).wantError(400, "invalidValue")
	c.do("PUT", "/Groups/"+outer.id(), object{"displayName": outer.at("displayName"), "members": refs(u.id(), inner.id())}).wantError(400, "invalidValue")
	a := c.do("POST", "/Groups", object{"displayName": unique("Outer"), "members": array{object{"value": inner.id(), "type": "Group"}}}).wantError(400, "invalidValue")
	if detail, _ := a.at("detail").(string); !strings.Contains(detail, "group") {
		c.t.Errorf("the refusal does not name groups: %q", detail)
	}
	c.patch("/Groups/"+outer.id(), op("add", "members", refs(outer.id()))).wantError(400, "invalidValue")
	c.wantMembers(outer.id(), u.id())
	eachAttribute(c, func(where string, a, _ any) {
		if !strings.HasPrefix(where, groupURN+":members.") {
			return
		}
		for _, k := range []string{"canonicalValues", "referenceTypes"} {
			if list, _ := dig(a, k).([]any); slices.Contains(list, any("Group")) {
				c.t.Errorf("%s: %s promises groups", where, k)
			}
		}
	})
}
