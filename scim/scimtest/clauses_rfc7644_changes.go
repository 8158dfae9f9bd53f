package scimtest

// patchClauses are RFC 7644 section 3.5.2.
var patchClauses = []clause{
	must("3.5.2", "a PATCH has Operations, each add, remove or replace", by("3.12 no operations", "3.12 an unknown operation")),
	must("3.5.2", "schemas names the PatchOp message", moot("a requirement on clients; what they write there changes nothing, because identity providers differ in it")),
	must("3.5.2", "each operation has one op", shown(func(c *client) {
		u := c.newUser(object{"title": "T"})
		for _, o := range []string{`{"op":"add","op":"remove","path":"title","value":"X"}`, `{"op":"add","Op":"remove","path":"title","value":"X"}`,
			`{"op":"replace","path":"title","Path":"nickName","value":"X"}`, `{"path":"title","value":"X"}`, `{"op":["add","remove"],"path":"title","value":"X"}`} {
			c.do("PATCH", "/Users/"+u.id(), `{"Operations":[`+o+`]}`).wantError(400, "invalidSyntax")
		}
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title")
	})),
	must("3.5.2", "an operation that does not go with mutability or schema is refused", by("3.5.2 a read-only attribute named by path is refused", "3.12 a value of the wrong type", "3.12 a path with an unknown sub-attribute", "RFC7643/4.2/a member's value, $ref and type cannot be patched")),
	must("3.5.2", "the schemas of the resource are assumed, as they are after each operation", shown(func(c *client) {
		u := c.newUser(nil)
		a := c.patch("/Users/"+u.id(), op("add", enterpriseURN+":department", "D"), op("replace", enterpriseURN, object{"division": "V"})).want(200)
		a.equal(enterpriseURN, "schemas", 1).equal("D", enterpriseURN, "department").equal("V", enterpriseURN, "division")
		c.patch("/Users/"+u.id(), op("add", "schemas", array{enterpriseURN}), op("remove", enterpriseURN)).want(200).absent("schemas", 1).absent(enterpriseURN)
	})),
	plain("3.5.2", "operations apply in their order", by("3.5.2 operations apply in order")),
	must("3.5.2", "an error restores the resource as it was", by("3.5.2 all operations or none")),
	must("3.5.2", "a failure is an error message", by("3.12 errors carry status, scimType and detail")),
	must("3.5.2", "a success is 200 with the resource, or 204", by("3.5.2 members of a group", "3.5.2.1 add sets a simple attribute")),
	must("3.5.2", "with attributes the answer is 200 with them", by("3.4.2.5 attributes and excludedAttributes")),
	plain("3.5.2", "a readOnly target is 400 mutability", by("3.5.2 a read-only attribute named by path is refused")),
	must("3.5.2", "a new primary value makes the others not primary", shown(newPrimary)),
	plain("3.5.2", "paths may carry the URN of the schema", shown(func(c *client) {
		u := c.newUser(nil)
		c.patch("/Users/"+u.id(), op("add", userURN+":title", "T"), op("add", userURN+":name.givenName", "G"), op("add", enterpriseURN+":department", "D")).
			want(200).equal("T", "title").equal("G", "name", "givenName").equal("D", enterpriseURN, "department")
	})),
	must("3.5.2.1", "add needs a value", by("3.5.2.1 add needs a value")),
	plain("3.5.2.1", "add without path merges the given attributes", by("3.5.2.1 add without path merges the object")),
	plain("3.5.2.1", "add creates an attribute that is not there", by("3.5.2.1 add sets a simple attribute")),
	must("3.5.2.1", "add to a complex attribute sets the given sub-attributes", shown(func(c *client) {
		u := c.newUser(object{"name": object{"familyName": "F", "givenName": "old"}})
		c.patch("/Users/"+u.id(), op("add", "name", object{"givenName": "G", "middleName": "M"})).want(200).
			equal("F", "name", "familyName").equal("G", "name", "givenName").equal("M", "name", "middleName")
	})),
	plain("3.5.2.1", "add to a multi-valued attribute adds values", by("3.5.2.1 add appends to a multi-valued attribute")),
	plain("3.5.2.1", "add to a single-valued attribute replaces the value", by("3.5.2.1 add replaces a simple attribute")),
	should("3.5.2.1", "add of what is there succeeds and changes nothing", by("3.5.2 a PATCH that changes nothing leaves the version", "3.5.2.1 add of a value that is there changes nothing")),
	must("3.5.2.1", "add of what is there changes neither resource nor lastModified", shown(func(c *client) {
		u := c.newUser(object{"title": "T", "emails": both})
		a := c.patch("/Users/"+u.id(), op("add", "title", "T"), op("add", "emails", array{home})).want(200)
		a.equal(u.at("meta", "lastModified"), "meta", "lastModified").equal(u.at("meta", "version"), "meta", "version")
		g := c.newGroup(u.id())
		c.patch("/Groups/"+g.id(), op("add", "members", refs(u.id()))).want(204)
		c.do("GET", "/Groups/"+g.id(), nil).equal(g.at("meta", "lastModified"), "meta", "lastModified")
	})),
	plain("3.5.2.2", "remove without path is noTarget", by("3.5.2.2 remove needs a path")),
	must("3.5.2.2", "remove unassigns a single-valued attribute", by("3.5.2.2 remove unassigns a simple attribute")),
	must("3.5.2.2", "remove without a filter empties a multi-valued attribute", by("3.5.2.2 remove empties a multi-valued attribute")),
	must("3.5.2.2", "remove with a filter removes the matches, and the attribute with the last", by("3.5.2.2 remove with a value filter removes the matches", "3.5.2.2 remove of the last value unassigns")),
	must("3.5.2.2", "remove of a sub-attribute of matches takes only that", by("3.5.2.2 remove of a sub-attribute of a match")),
	plain("3.5.2.2", "remove of who is no member succeeds and changes nothing", shown(func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup()
		c.patch("/Groups/"+g.id(), op("remove", `members[value eq "`+u.id()+`"]`)).want(204)
		c.do("GET", "/Groups/"+g.id(), nil).want(200).equal(g.at("meta", "version"), "meta", "version")
	})),
	must("3.5.2.2", "remove of a required or readOnly attribute is mutability", by("3.5.2.2 a required attribute cannot be removed", "3.5.2.2 a read-only attribute cannot be removed")),
	must("3.5.2.3", "replace without path replaces the given attributes", by("3.5.2.3 replace without path replaces each attribute")),
	plain("3.5.2.3", "replace of a single-valued attribute replaces its value", shown(func(c *client) {
		u := c.newUser(object{"title": "A"})
		c.patch("/Users/"+u.id(), op("replace", "title", "B")).want(200).equal("B", "title")
	})),
	plain("3.5.2.3", "replace of a multi-valued attribute replaces all values", by("3.5.2.3 replace sets the whole list")),
	must("3.5.2.3", "replace of what is not there is an add", by("3.5.2.3 replace sets what is not there")),
	must("3.5.2.3", "replace of a complex attribute replaces the given sub-attributes", by("3.5.2.3 replace of a complex attribute keeps what is not named")),
	must("3.5.2.3", "replace with a filter replaces the matching values", shown(func(c *client) {
		u := c.newUser(object{"emails": array{email("a@example.com", "work"), email("b@example.com", "work"), home}})
		c.patch("/Users/"+u.id(), op("replace", `emails[value ew "@example.com" and not (type eq "home")]`, object{"value": "n@example.com", "display": "N"})).want(200).
			equal("n@example.com", "emails", 0, "value").equal("N", "emails", 0, "display").absent("emails", 0, "type").
			equal("home", "emails", 1, "type").absent("emails", 2) // two alike are one: RFC 7643 section 2.4
		c.patch("/Users/"+u.id(), op("replace", `emails[type eq "home"]`, object{"value": "x@example.com"})).want(200).equal("x@example.com", "emails", 1, "value")
	})),
	plain("3.5.2.3", "replace with a filter and a sub-attribute replaces that of each match", by("3.5.2.3 replace of a sub-attribute of the match")),
	must("3.5.2.3", "replace with a filter that matches nothing is noTarget", shown(func(c *client) {
		u := c.newUser(object{"emails": array{work}})
		for path, value := range map[string]any{`emails[type eq "home"]`: home, `emails[type eq "home"].value`: "x", `addresses[type eq "work"]`: object{"locality": "L"}} {
			c.patch("/Users/"+u.id(), op("replace", path, value)).wantError(400, "noTarget")
		}
		g := c.newGroup(u.id())
		other := c.newUser(nil)
		c.patch("/Groups/"+g.id(), op("replace", `members[value eq "`+other.id()+`"]`, object{"value": u.id()})).wantError(400, "noTarget")
		c.patch("/Groups/"+g.id(), op("replace", `members[value eq "`+u.id()+`"]`, object{"value": other.id()})).wantError(400, "mutability")
		c.wantMembers(g.id(), u.id())
	})),
}

// newPrimary makes another value the primary one in every way in which PATCH can.
func newPrimary(c *client) {
	third := email("n@example.com", "other", true)
	for _, o := range []object{
		op("add", "emails", array{third}), op("add", "emails", third), op("add", "", object{"emails": array{third}}),
		op("add", `emails[type eq "home"].primary`, true), op("replace", `emails[type eq "home"].primary`, true),
		op("replace", `emails[type eq "home"].primary`, "True"), op("replace", `emails[type eq "home"]`, email("n@example.com", "home", true)),
		op("add", `emails[type eq "home"]`, object{"primary": true}),
	} {
		u := c.newUser(object{"emails": both})
		list, _ := c.patch("/Users/"+u.id(), o).want(200).at("emails").([]any)
		var primary []any
		for _, e := range list {
			if dig(e, "primary") == true {
				primary = append(primary, dig(e, "value"))
			}
		}
		if len(primary) != 1 || primary[0] == work["value"] {
			c.t.Errorf("%v: primary are %v", o, primary)
		}
	}
	u := c.newUser(object{"emails": both})
	c.patch("/Users/"+u.id(), op("replace", "emails.primary", true)).wantError(400, "invalidValue")
	c.patch("/Users/"+u.id(), op("add", "emails", array{third, email("m@example.com", "work", true)})).wantError(400, "invalidValue")
	c.patch("/Users/"+u.id(), op("replace", `emails[type eq "work"].primary`, false)).want(200)
	if n := len(c.find("/Users", `id eq "`+u.id()+`" and emails[primary eq true]`).resources()); n != 0 {
		c.t.Error("no value is primary, and one is found")
	}
}

// bulkClauses are RFC 7644 section 3.7.
var bulkClauses = []clause{
	must("3.7", "a bulk request that was worked through is 200, another an error", by("3.7 every method, with location, version and status", "3.7 what is no bulk request is 400")),
	must("3.7", "every operation is done, whatever happens to the others", by("3.7.3 mistakes in one operation do not harm the others")),
	plain("3.7", "operations stop after failOnErrors errors", by("3.7.3 failOnErrors stops")),
	must("3.7", "a POST needs a bulkId, the others the path of a resource", by("3.7.3 mistakes in one operation do not harm the others")),
	must("3.7", "path and data are there where the method needs them", by("3.7.3 mistakes in one operation do not harm the others")),
	must("3.7", "the bulkId comes back with what was created", by("3.7 every method, with location, version and status")),
	must("3.7", "operations that wait for others lead where the order given leads", by("3.7.2 a bulkId stands for the resource, before and after it")),
	plain("3.7", "version is a precondition", by("3.7 version is an If-Match")),
	must("3.7.1", "circular references are resolved, or 409", by("3.7.1 circular references are resolved")),
	must("3.7.1", "what cannot be resolved leaves nothing behind", shown(func(c *client) {
		// Groups inside groups are refused, so the circle of the standard's example is too.
		a, b := unique("A"), unique("B")
		res := c.do("POST", "/Bulk", bulk(bulkPost("/Groups", "q", object{"displayName": a, "members": array{object{"type": "Group", "value": "bulkId:y"}}}),
			bulkPost("/Groups", "y", object{"displayName": b, "members": array{object{"type": "Group", "value": "bulkId:q"}}}))).want(200)
		for i := range 2 {
			if s, _ := res.at("Operations", i, "status").(string); s != "400" && s != "409" {
				c.t.Errorf("operation %d: status %q", i, s)
			}
			res.absent("Operations", i, "location")
		}
		if n := len(c.find("/Groups", `displayName eq "`+a+`" or displayName eq "`+b+`"`).resources()); n != 0 {
			c.t.Errorf("%d groups were left behind", n)
		}
	})),
	plain("3.7.1", "groups and people may refer to each other in any order", by("3.7.2 a bulkId stands for the resource, before and after it")),
	must("3.7.2", "a bulkId is replaced by the id of what was created", by("3.7.2 a bulkId stands for the resource, before and after it")),
	must("3.7.2", "references in extensions are replaced in the same way", by("3.7.1 circular references are resolved")),
	plain("3.7.2", "a bulkId that cannot be resolved is 409 for what names it", by("3.7.1 a reference to what fails, fails")),
	must("3.7.3", "each operation that was worked on has a result", by("3.7.3 failOnErrors stops", "3.7.3 mistakes in one operation do not harm the others")),
	must("3.7.3", "status holds the code, as text", by("3.7 every method, with location, version and status")),
	must("3.7.3", "each result has a location, but for a failed POST", shown(func(c *client) {
		u := c.newUser(nil)
		a := c.do("POST", "/Bulk", bulk(
			object{"method": "PUT", "path": "/Users/none", "data": object{"userName": unique("n")}},
			object{"method": "PATCH", "path": "/Users/" + u.id(), "version": `W/"old"`, "data": patchOf(op("add", "title", "T"))},
			object{"method": "DELETE", "path": "/Robots/x"}, object{"method": "DELETE", "path": "/Groups"},
			object{"method": "PATCH", "path": "/Groups/bulkId:nowhere", "data": patchOf(op("remove", "members"))},
			object{"method": "DELETE", "path": "/Users/" + u.id()}, bulkPost("/Users", "bad", object{})))
		a.want(200).absent("Operations", 6, "location")
		for i, path := range []string{"/Users/none", "/Users/" + u.id(), "/Robots/x", "/Groups", "/Groups/bulkId:nowhere", "/Users/" + u.id()} {
			a.equal(c.f.BaseURL+path, "Operations", i, "location")
		}
	})),
	must("3.7.3", "a failed operation has a response that says why", shown(func(c *client) {
		a := c.do("POST", "/Bulk", bulk(bulkPost("/Users", "bad", object{"title": "no name"}))).want(200)
		a.equal("400", "Operations", 0, "status").equal("bad", "Operations", 0, "bulkId").
			equal("urn:ietf:params:scim:api:messages:2.0:Error", "Operations", 0, "response", "schemas", 0).
			equal("invalidValue", "Operations", 0, "response", "scimType")
	})),
	must("3.7.4", "there are limits to operations and size", by("RFC7643/5/the configuration states patch, bulk, filter, changePassword, sort, etag and authenticationSchemes")),
	must("3.7.4", "too many operations or too large a body is 413 and names the limit", by("3.7.4 too many operations or bytes are 413")),
}
