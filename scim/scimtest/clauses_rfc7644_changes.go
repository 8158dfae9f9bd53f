package scimtest

import "strings"

// patchClauses are RFC 7644 section 3.5.2.
var patchClauses = []clause{
	must("3.5.2", "a PATCH has Operations, each add, remove or replace", by("3.12 no operations", "3.12 an unknown operation")),
	must("3.5.2", "schemas names the PatchOp message", moot("a requirement on clients; what they write there changes nothing, because identity providers differ in it")),
	must("3.5.2", "operations apply in their order", by("3.5.2 operations apply in order")),
	must("3.5.2", "an error restores the resource as it was", by("3.5.2 all operations or none")),
	must("3.5.2", "a success is 200 with the resource, or 204", by("3.5.2 members of a group", "3.5.2.1 add sets a simple attribute")),
	must("3.5.2", "with attributes the answer is 200 with them", by("3.4.2.5 attributes and excludedAttributes")),
	must("3.5.2", "a readOnly target is 400 mutability", by("3.5.2 a read-only attribute named by path is refused")),
	must("3.5.2", "a new primary value makes the others not primary", by("3.5.2 a new primary replaces the old")),
	must("3.5.2", "paths may carry the URN of the schema", shown(func(c *client) {
		u := c.newUser(nil)
		c.patch("/Users/"+u.id(), op("add", userURN+":title", "T"), op("add", userURN+":name.givenName", "G"), op("add", enterpriseURN+":department", "D")).
			want(200).equal("T", "title").equal("G", "name", "givenName").equal("D", enterpriseURN, "department")
	})),
	must("3.5.2.1", "add needs a value", by("3.5.2.1 add needs a value")),
	must("3.5.2.1", "add without path merges the given attributes", by("3.5.2.1 add without path merges the object")),
	must("3.5.2.1", "add creates an attribute that is not there", by("3.5.2.1 add sets a simple attribute")),
	must("3.5.2.1", "add to a complex attribute sets the given sub-attributes", shown(func(c *client) {
		u := c.newUser(object{"name": object{"familyName": "F", "givenName": "old"}})
		c.patch("/Users/"+u.id(), op("add", "name", object{"givenName": "G", "middleName": "M"})).want(200).
			equal("F", "name", "familyName").equal("G", "name", "givenName").equal("M", "name", "middleName")
	})),
	must("3.5.2.1", "add to a multi-valued attribute adds values", by("3.5.2.1 add appends to a multi-valued attribute")),
	must("3.5.2.1", "add to a single-valued attribute replaces the value", by("3.5.2.1 add replaces a simple attribute")),
	must("3.5.2.1", "add of what is there changes neither resource nor lastModified", shown(func(c *client) {
		u := c.newUser(object{"title": "T", "emails": both})
		a := c.patch("/Users/"+u.id(), op("add", "title", "T"), op("add", "emails", array{home})).want(200)
		a.equal(u.at("meta", "lastModified"), "meta", "lastModified").equal(u.at("meta", "version"), "meta", "version")
		g := c.newGroup(u.id())
		c.patch("/Groups/"+g.id(), op("add", "members", refs(u.id()))).want(204)
		c.do("GET", "/Groups/"+g.id(), nil).equal(g.at("meta", "lastModified"), "meta", "lastModified")
	})),
	must("3.5.2.2", "remove without path is noTarget", by("3.5.2.2 remove needs a path")),
	must("3.5.2.2", "remove unassigns a single-valued attribute", by("3.5.2.2 remove unassigns a simple attribute")),
	must("3.5.2.2", "remove without a filter empties a multi-valued attribute", by("3.5.2.2 remove empties a multi-valued attribute")),
	must("3.5.2.2", "remove with a filter removes the matches, and the attribute with the last", by("3.5.2.2 remove with a value filter removes the matches", "3.5.2.2 remove of the last value unassigns")),
	must("3.5.2.2", "remove of a sub-attribute of matches takes only that", by("3.5.2.2 remove of a sub-attribute of a match")),
	must("3.5.2.2", "remove of a required or readOnly attribute is mutability", by("3.5.2.2 a required attribute cannot be removed", "3.5.2.2 a read-only attribute cannot be removed")),
	must("3.5.2.3", "replace without path replaces the given attributes", by("3.5.2.3 replace without path replaces each attribute")),
	must("3.5.2.3", "replace of a single-valued attribute replaces its value", shown(func(c *client) {
		u := c.newUser(object{"title": "A"})
		c.patch("/Users/"+u.id(), op("replace", "title", "B")).want(200).equal("B", "title")
	})),
	must("3.5.2.3", "replace of a multi-valued attribute replaces all values", by("3.5.2.3 replace sets the whole list")),
	must("3.5.2.3", "replace of what is not there is an add", by("3.5.2.3 replace sets what is not there")),
	must("3.5.2.3", "replace of a complex attribute replaces the given sub-attributes", by("3.5.2.3 replace of a complex attribute keeps what is not named")),
	must("3.5.2.3", "replace with a filter replaces the matching values", by("3.5.2.3 replace of the matching value")),
	must("3.5.2.3", "replace with a filter and a sub-attribute replaces that of each match", by("3.5.2.3 replace of a sub-attribute of the match")),
	must("3.5.2.3", "replace with a filter that matches nothing is noTarget", by("3.5.2.3 replace without a match is noTarget")),
}

// bulkClauses are RFC 7644 section 3.7.
var bulkClauses = []clause{
	must("3.7", "every operation is done, whatever happens to the others", by("3.7.3 mistakes in one operation do not harm the others")),
	must("3.7", "operations stop after failOnErrors errors", by("3.7.3 failOnErrors stops")),
	must("3.7", "a POST needs a bulkId, the others the path of a resource", by("3.7.3 mistakes in one operation do not harm the others")),
	must("3.7", "version is a precondition", by("3.7 version is an If-Match")),
	must("3.7.1", "circular references are resolved, or 409", by("3.7.1 circular references are resolved")),
	must("3.7.1", "groups and people may refer to each other in any order", by("3.7.2 a bulkId stands for the resource, before and after it")),
	must("3.7.2", "a bulkId is replaced by the id of what was created", by("3.7.2 a bulkId stands for the resource, before and after it")),
	must("3.7.2", "a bulkId that cannot be resolved is 409 for what names it", by("3.7.1 a reference to what fails, fails")),
	must("3.7.3", "each result has method, status and, but for a failed POST, location", by("3.7 every method, with location, version and status", "3.7.1 a reference to what fails, fails")),
	must("3.7.3", "a failed operation has a response that says why", shown(func(c *client) {
		a := c.do("POST", "/Bulk", bulk(bulkPost("/Users", "bad", object{"title": "no name"}))).want(200)
		a.equal("400", "Operations", 0, "status").equal("bad", "Operations", 0, "bulkId").
			equal("urn:ietf:params:scim:api:messages:2.0:Error", "Operations", 0, "response", "schemas", 0).
			equal("invalidValue", "Operations", 0, "response", "scimType")
	})),
	must("3.7.4", "too many operations or too large a body is 413 and names the limit", by("3.7.4 too many operations or bytes are 413")),
	must("3.7.4", "the limits are advertised", by("RFC7643/5/ServiceProviderConfig states what is served")),
}

// serviceClauses are RFC 7644 sections 3.8 to 3.13 and 4 to 7.
var serviceClauses = []clause{
	must("3.8", "Accept application or scim+json is answered application or scim+json, also without Accept", shown(func(c *client) {
		for _, accept := range []string{"", "application/scim+json", "*/*", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5, application/scim+json"} {
			if got := c.do("GET", "/Users?count=0", nil, header{"Accept", accept}).want(200).header.Get("Content-Type"); got != "application/scim+json" {
				c.t.Errorf("Accept %q: Content-Type %q", accept, got)
			}
		}
	})),
	should("3.8", "Accept of plain JSON is answered in kind", shown(func(c *client) {
		for path, status := range map[string]int{"/Users?count=0": 200, "/Users/nobody": 404} {
			a, err := c.try("GET", path, nil, header{"Accept", "application/json"})
			if err != nil || a.status != status || a.header.Get("Content-Type") != "application/json" {
				c.t.Errorf("%s: %v %+v", path, err, a)
			}
		}
	})),
	must("3.8", "JSON is UTF-8", shown(func(c *client) {
		u := c.newUser(object{"displayName": "Žofie 金 😀"})
		c.do("GET", "/Users/"+u.id(), nil).equal("Žofie 金 😀", "displayName")
		c.do("POST", "/Users", "{\"userName\":\"a\xff\"}").wantError(400, "invalidSyntax")
	})),
	must("3.9", "attributes and excludedAttributes go with POST, PUT and PATCH as well", shown(func(c *client) {
		u := c.do("POST", "/Users?attributes=userName", object{"userName": unique("u"), "title": "T"}).want(201).absent("title")
		c.do("PUT", "/Users/"+u.id()+"?excludedAttributes=title", object{"userName": u.at("userName"), "title": "T", "nickName": "N"}).want(200).absent("title").equal("N", "nickName")
		c.do("PATCH", "/Users/"+u.id()+"?attributes=nickName", patchOf(op("add", "title", "X"))).want(200).absent("title").equal("N", "nickName")
	})),
	must("3.11", "me is served, or 501", by("3.11 /Me is served or 501")),
	must("3.12", "an error is a SCIM error body with status and, for 400, scimType", by("3.12 errors carry status, scimType and detail", "3.12 bodies that are no resource")),
	must("3.12", "the statuses of table 8 are used as they are meant", shown(func(c *client) {
		u := c.newUser(nil)
		c.do("GET", "/Users", nil, header{"Authorization", "Bearer wrong"}).want(401)
		c.do("GET", "/Users/none", nil).want(404)
		c.do("POST", "/Users", object{"userName": u.at("userName")}).want(409)
		c.do("DELETE", "/Users/"+u.id(), nil, header{"If-Match", `W/"old"`}).want(412)
		c.do("POST", "/Me", object{}).want(501)
	})),
	must("3.13", "a version that is not served is refused", shown(func(c *client) {
		root := strings.TrimSuffix(c.f.BaseURL, "/v2")
		for _, v := range []string{"/v1", "/v3"} {
			a, err := c.try("GET", root+v+"/Users", nil)
			if err == nil && a.status < 400 {
				c.t.Errorf("%s answers %d", v, a.status)
			}
		}
	})),
	must("4", "ServiceProviderConfig, ResourceTypes and Schemas answer GET", by("RFC7643/5/ServiceProviderConfig states what is served", "RFC7643/6/ResourceTypes lists User and Group", "RFC7643/7/Schemas describes every attribute with its characteristics")),
	must("4", "several are a ListResponse, one is the resource", by("RFC7643/6/ResourceTypes lists User and Group")),
	must("4", "sort and pagination parameters are ignored there", shown(func(c *client) {
		for _, e := range []string{"/Schemas", "/ResourceTypes"} {
			a := c.do("GET", e+"?startIndex=2&count=1&sortBy=name&sortOrder=descending&attributes=id", nil).want(200)
			if n, _ := a.at("totalResults").(float64); int(n) != len(a.resources()) {
				c.t.Errorf("%s: %d of %v", e, len(a.resources()), n)
			}
		}
		c.do("GET", "/ServiceProviderConfig?startIndex=2&attributes=id", nil).want(200).equal(true, "patch", "supported")
	})),
	should("4", "a filter there is 403", by("4 discovery endpoints refuse a filter")),
	must("5", "names are prepared as in RFC 8265 before they are compared", shown(func(c *client) {
		// Composed and decomposed, full width and half width, upper and lower case.
		tag := unique("n")
		u := c.newUser(object{"userName": "Jos\u00e9." + tag})
		for _, same := range []string{"jose\u0301." + tag, "\uff2aos\u00c9." + tag, "JOS\u00c9." + strings.ToUpper(tag)} {
			c.do("POST", "/Users", object{"userName": same}).wantError(409, "uniqueness")
			if got := c.find("/Users", `userName eq "`+same+`"`).texts("id"); len(got) != 1 || got[0] != u.id() {
				c.t.Errorf("%q finds %v", same, got)
			}
		}
		c.do("POST", "/Users", object{"userName": "jose." + tag}).want(201)
	})),
	must("6", "a connection sees nothing of another connection", shown(isolation(func(f Fixture) string { return f.Other }))),
	must("6", "a tenant sees nothing of another tenant", shown(isolation(func(f Fixture) string { return f.Stranger }))),
	must("7.1", "HTTP is used as RFC 9110 says", by("3.2 a method that an endpoint lacks is 405 with Allow")),
	must("7.2", "TLS 1.2 or later is used", elsewhere("`internal/controlplane.TestPlainHTTPIsServedOnLoopbackOnly` and `cmd/gatehouse.TestTheBridgeServesPlainHTTPOnLoopbackOnly`")),
	must("7.4", "bearer tokens expire, directly or indirectly", elsewhere("`internal/provisioning.TestTokenRulesSayWhatToWrite`")),
	must("7.5.1", "personal data is not cached", by("7.5.1 answers are not cached")),
	should("7.5.2", "sensitive filters can be sent in a body", by("3.4.3 .search takes the same in a body")),
	must("7.5.2", "a filter on the password is refused", shown(func(c *client) {
		c.find("/Users", `password eq "x"`).want(400)
		c.do("POST", "/Users/.search", object{"filter": `password sw "a"`}).want(400)
		c.do("GET", "/Users?sortBy=password", nil).want(400)
	})),
	should("7.6", "requests without a token are refused", by("2 a request without a valid token is 401 with a SCIM body")),
	must("7.7", "passwords are not kept in the clear", elsewhere("`scim.TestObserverSeesEveryRequestWithoutPasswords`; a password that is pushed is not kept at all")),
	must("7.8", "strings are prepared before they are compared", by("3.4.2.2 every operator")),
}

// isolation shows that what one token made does not exist for another.
func isolation(token func(Fixture) string) func(*client) {
	return func(c *client) {
		u := c.newUser(object{"externalId": unique("iso"), "emails": array{email("iso@example.com", "work")}})
		g := c.newGroup(u.id())
		o := c.as(token(c.f))
		mine := o.newGroup()
		for _, path := range []string{"/Users/" + u.id(), "/Groups/" + g.id()} {
			o.do("GET", path, nil).want(404)
			o.do("PUT", path, object{"userName": unique("x"), "displayName": unique("x")}).want(404)
			o.patch(path, op("replace", "displayName", "taken over")).want(404)
			o.do("DELETE", path, nil).want(404)
		}
		o.patch("/Groups/"+g.id(), op("remove", "members")).want(404)
		o.patch("/Groups/"+mine.id(), op("add", "members", refs(u.id()))).wantError(400, "invalidValue")
		o.do("POST", "/Groups", object{"displayName": unique("G"), "members": refs(u.id())}).wantError(400, "invalidValue")
		for _, q := range []struct{ endpoint, filter string }{
			{"/Users", `userName eq "` + u.at("userName").(string) + `"`}, {"/Users", `id eq "` + u.id() + `"`},
			{"/Users", `externalId eq "` + u.at("externalId").(string) + `"`}, {"/Users", `emails.value eq "iso@example.com"`},
			{"/Users", `groups.value eq "` + g.id() + `"`}, {"/Groups", `members.value eq "` + u.id() + `"`},
			{"/", `id eq "` + g.id() + `"`}, {"/Groups", `displayName eq "` + g.at("displayName").(string) + `"`},
		} {
			if n := len(o.find(q.endpoint, q.filter).resources()); n != 0 {
				c.t.Errorf("%s?%s: %d found", q.endpoint, q.filter, n)
			}
		}
		a := o.do("POST", "/Bulk", bulk(object{"method": "DELETE", "path": "/Users/" + u.id()},
			object{"method": "PATCH", "path": "/Groups/" + g.id(), "data": patchOf(op("remove", "members"))})).want(200)
		a.equal("404", "Operations", 0, "status").equal("404", "Operations", 1, "status")
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal(true, "active")
		c.wantMembers(g.id(), u.id())
	}
}
