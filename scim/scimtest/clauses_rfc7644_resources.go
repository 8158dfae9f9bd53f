package scimtest

import "strings"

// resourceClauses are RFC 7644 sections 2 to 3.3, 3.4.1, 3.5.1, 3.6 and 3.14.
var resourceClauses = []clause{
	must("2", "401 names the schemes in WWW-Authenticate", by("2 a request without a valid token is 401 with a SCIM body")),
	must("2", "a caller is mapped to an access control policy", elsewhere("`internal/server.TestNobodyReachesAnotherWorkspace` and the clauses of section 6")),
	should("2", "what is done is judged by who asks and what is touched", by("6 a connection sees nothing of another connection", "6 a tenant sees nothing of another tenant")),
	should("2", "tokens rest on an authentication of who issued them", elsewhere("`internal/server.TestNobodyReachesAnotherWorkspace`: a SCIM token is declared by a member who may, like every object")),
	should("2", "basic authentication goes with other factors", moot("basic authentication is refused (`RFC7644/2/a request without a valid token is 401 with a SCIM body`)")),
	should("2.1", "scopes and subjects of a token decide what it may", by("6 a connection sees nothing of another connection")),
	must("2.1", "the threats of RFC 7521 section 8 are considered for OAuth grants", moot("tokens are no OAuth grants; what this server's own may suffer is in section 7.4")),
	must("2.1", "the like threats are considered for other tokens", elsewhere("`internal/provisioning.TestSecretsOfTokensAreNotStored`, `TestTokenEndsWithItsDocument` and `TestRotationGivesTheSameSecretUntilItIsRaised`, `internal/controlplane.TestOneTokenCannotTakeTheDoorFromOthers`")),
	plain("3.1", "bodies are application and scim+json", by("3.1 bodies are application/scim+json or application/json")),
	must("3.1", "messages are named below urn-ietf-params-scim-api", shown(func(c *client) {
		for _, a := range []*answer{c.do("GET", "/Users?count=0", nil), c.do("GET", "/Users/none", nil), c.do("GET", "/Schemas", nil),
			c.do("POST", "/Bulk", bulk(object{"method": "DELETE", "path": "/Users/none"}))} {
			if urn, _ := a.at("schemas", 0).(string); !strings.HasPrefix(urn, "urn:ietf:params:scim:api:") {
				c.t.Errorf("%s: schemas %q", a.what, urn)
			}
		}
	})),
	must("3.1", "messages are not among the schemas", shown(func(c *client) {
		for _, id := range c.do("GET", "/Schemas", nil).texts("id") {
			if strings.HasPrefix(id, "urn:ietf:params:scim:api:") {
				c.t.Errorf("%s is listed", id)
			}
		}
		c.do("GET", "/Schemas/urn:ietf:params:scim:api:messages:2.0:PatchOp", nil).want(404)
	})),
	must("3.1", "answers show the resource as it is here", shown(func(c *client) {
		u := c.newUser(object{"title": "T", "favouriteColour": "blue", "active": "False"})
		for _, a := range []*answer{u, c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName"), "title": "T", "id": "x"}), c.patch("/Users/"+u.id(), op("add", "nickName", "N"))} {
			now := c.do("GET", "/Users/"+u.id(), nil).want(200)
			a.equal("T", "title").equal(false, "active").equal(now.id(), "id").absent("favouriteColour")
		}
	})),
	should("3.2", "the endpoint of an extended resource is its name in the plural", moot("no resource types but those of the standard are served")),
	plain("3.2", "each endpoint takes the methods of table 2 and no others", by("3.2 a method that an endpoint lacks is 405 with Allow")),
	must("3.2", "PUT creates no resource", by("3.5.1 PUT of what does not exist creates nothing")),
	should("3.2", "an error is in the status of the answer and in its body", by("3.12 errors carry status, scimType and detail")),
	must("3.3", "a created resource is answered 201", by("3.3 POST answers 201 with Location, ETag and the whole resource")),
	should("3.3", "the body holds the resource as stored", by("3.3 POST answers 201 with Location, ETag and the whole resource")),
	must("3.3", "Location is meta.location, absolute, and leads to the resource", shown(func(c *client) {
		for _, a := range []*answer{c.newUser(nil), c.newGroup()} {
			location := a.header.Get("Location")
			if location != a.at("meta", "location") {
				c.t.Errorf("Location %q, meta.location %v", location, a.at("meta", "location"))
			}
			c.do("GET", location, nil).want(200).equal(a.id(), "id")
		}
	})),
	must("3.3", "read-only attributes of a POST are ignored", by("RFC7643/3.1/id and meta are the server's", "RFC7643/4.1.2/groups shows direct membership and cannot be written")),
	must("3.3", "a conflict is 409 uniqueness", by("3.3 a duplicate is 409 uniqueness, in any case")),
	must("3.3.1", "meta.resourceType is that of the endpoint", shown(func(c *client) {
		c.newUser(object{"meta": object{"resourceType": "Group"}}).equal("User", "meta", "resourceType")
		c.newGroup().equal("Group", "meta", "resourceType")
	})),
	plain("3.4", "what is returned by default, and always, comes without being asked for", shown(func(c *client) {
		u := c.newUser(object{"title": "T"})
		g := c.newGroup(u.id())
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title").equal(g.id(), "groups", 0, "value").absent("password")
		c.do("GET", "/Groups/"+g.id(), nil).want(200).equal(u.id(), "members", 0, "value")
	})),
	plain("3.4.1", "GET of a resource is 200 with it", by("3.4.1 GET returns one resource")),
	plain("3.4.1", "what does not exist is 404", by("3.4.1 GET returns one resource")),
	must("3.5", "PUT is supported", by("3.5.1 PUT replaces what clients write and ignores read-only attributes")),
	should("3.5", "PATCH is supported", by("3.5.2 members of a group", "3.5.2 operations apply in order")),
	must("3.5.1", "readWrite and writeOnly attributes are replaced", by("3.5.1 PUT replaces what clients write and ignores read-only attributes")),
	must("3.5.1", "readOnly attributes are ignored", by("3.5.1 PUT replaces what clients write and ignores read-only attributes")),
	plain("3.5.1", "null and an empty list clear what an omission keeps", shown(func(c *client) {
		u := c.newUser(object{"externalId": unique("x"), "title": "T", "emails": array{email("a@example.com", "work")}})
		c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName"), "externalId": nil, "title": nil, "emails": array{}}).want(200).
			absent("externalId").absent("title").absent("emails")
		g := c.do("POST", "/Groups", object{"displayName": unique("g"), "externalId": unique("x")}).want(201)
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": g.at("displayName")}).want(200).equal(g.at("externalId"), "externalId")
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": g.at("displayName"), "externalId": nil}).want(200).absent("externalId")
	})),
	must("3.5.1", "what is immutable must match, or the answer is 400 mutability", shown(func(c *client) {
		a, b := c.newUser(nil), c.newUser(nil)
		g := c.newGroup(a.id())
		put := func(m object) *answer {
			return c.do("PUT", "/Groups/"+g.id(), object{"displayName": g.at("displayName"), "members": array{m}})
		}
		put(object{"value": a.id(), "$ref": b.at("meta", "location")}).wantError(400, "mutability")
		c.wantMembers(g.id(), a.id())
		put(object{"value": a.id(), "$ref": a.at("meta", "location"), "type": "User"}).want(200)
		put(object{"value": b.id()}).want(200)
		c.wantMembers(g.id(), b.id())
	})),
	plain("3.5.1", "PUT answers 200 with the whole resource", by("3.5.1 PUT replaces what clients write and ignores read-only attributes", "3.5.1 PUT of a group replaces its members; absent members stay")),
	must("3.5.1", "PUT creates nothing", by("3.5.1 PUT of what does not exist creates nothing")),
	must("3.5.1", "a PUT without a required attribute is refused", shown(func(c *client) {
		u, g := c.newUser(nil), c.newGroup()
		c.do("PUT", "/Users/"+u.id(), object{"displayName": "x"}).wantError(400, "invalidValue")
		c.do("PUT", "/Groups/"+g.id(), object{"externalId": "x"}).wantError(400, "invalidValue")
	})),
	must("3.6", "DELETE answers 204 without a body", by("3.6 DELETE answers 204, then 404")),
	must("3.6", "every operation on a deleted resource is 404", shown(func(c *client) {
		u, g := c.newUser(nil), c.newGroup()
		for _, path := range []string{"/Users/" + u.id(), "/Groups/" + g.id()} {
			c.do("DELETE", path, nil).want(204)
			c.do("GET", path, nil).want(404)
			c.do("PUT", path, object{"userName": unique("d"), "displayName": unique("d")}).want(404)
			c.patch(path, op("replace", "displayName", "x")).want(404)
			c.do("DELETE", path, nil).want(404)
		}
		c.patch("/Groups/"+c.newGroup().id(), op("add", "members", refs(u.id()))).wantError(400, "invalidValue")
	})),
	must("3.6", "a deleted resource is in no list", shown(func(c *client) {
		u, g := c.newUser(nil), c.newGroup()
		c.do("DELETE", "/Users/"+u.id(), nil).want(204)
		c.do("DELETE", "/Groups/"+g.id(), nil).want(204)
		for _, f := range []string{`id eq "` + u.id() + `"`, `id eq "` + g.id() + `"`} {
			if n := len(c.find("/", f).resources()); n != 0 {
				c.t.Errorf("%s: %d found", f, n)
			}
		}
	})),
	should("3.6", "a deleted resource conflicts with no new one", shown(func(c *client) {
		u, g := c.newUser(object{"externalId": unique("gone")}), c.newGroup()
		c.do("DELETE", "/Users/"+u.id(), nil).want(204)
		c.do("DELETE", "/Groups/"+g.id(), nil).want(204)
		c.do("POST", "/Users", object{"userName": u.at("userName"), "externalId": u.at("externalId")}).want(201)
		c.do("POST", "/Groups", object{"displayName": g.at("displayName")}).want(201)
	})),
	must("3.14", "the entity tag is in the header ETag", by("3.3 POST answers 201 with Location, ETag and the whole resource")),
	should("3.14", "the entity tag is in meta.version", by("RFC7643/3.1/id and meta are the server's")),
	plain("3.14", "entity tags are weak", shown(func(c *client) {
		for _, a := range []*answer{c.newUser(nil), c.newGroup()} {
			if tag := a.header.Get("ETag"); !strings.HasPrefix(tag, `W/"`) || !strings.HasSuffix(tag, `"`) {
				c.t.Errorf("ETag %s", tag)
			}
		}
	})),
	plain("3.14", "If-None-Match of the current version is 304", by("3.14 If-None-Match with the current version is 304")),
	plain("3.14", "If-None-Match of any version is 304, and 412 for a change", shown(func(c *client) {
		u, g := c.newUser(object{"title": "T"}), c.newGroup()
		all := header{"If-None-Match", "*"}
		c.do("GET", "/Users/"+u.id(), nil, all).want(304)
		c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName")}, all).want(412)
		c.do("PATCH", "/Groups/"+g.id(), patchOf(op("replace", "displayName", "x")), all).want(412)
		c.do("DELETE", "/Users/"+u.id(), nil, all).want(412)
		c.do("DELETE", "/Users/"+u.id(), nil, header{"If-None-Match", u.header.Get("ETag")}).want(412)
		c.do("PUT", "/Users/none", object{"userName": unique("n")}, all).want(404)
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title")
		c.do("DELETE", "/Groups/"+g.id(), nil, header{"If-None-Match", `W/"another"`}).want(204)
	})),
	plain("3.14", "If-Match of another version is 412", by("3.14 If-Match with another version is 412 and changes nothing")),
	plain("3.14", "an If-Match that cannot be read lets nothing through", shown(func(c *client) {
		u := c.newUser(object{"title": "T"})
		for _, tag := range []string{`"`, `""`, `W/`, `,`, `W/""`, `nonsense`} {
			c.do("DELETE", "/Users/"+u.id(), nil, header{"If-Match", tag}).want(412)
			c.do("PATCH", "/Users/"+u.id(), patchOf(op("remove", "title")), header{"If-Match", tag}).want(412)
		}
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title")
	})),
}

// queryClauses are RFC 7644 sections 3.4.2 and 3.4.3.
var queryClauses = []clause{
	must("3.4.2", "a list is a ListResponse with totalResults, Resources, startIndex and itemsPerPage", by("3.4.2.4 index pagination is exact and stable", "3.4.2 no match is 200 with an empty list")),
	must("3.4.2", "no match is 200 and totalResults 0", by("3.4.2 no match is 200 with an empty list")),
	should("3.4.2", "unknown parameters are ignored", shown(func(c *client) {
		u := c.newUser(nil)
		for _, q := range []string{"?colour=blue", "?aadOptscim062020", "?filtre=x&=y&&", "?_=1&attribute=title"} {
			c.do("GET", "/Users/"+u.id()+q, nil).want(200).equal(u.at("userName"), "userName")
			c.do("GET", "/Users"+q+"&count=1", nil).want(200).equal(1, "itemsPerPage")
		}
	})),
	must("3.4.2", "a part of the results says where it begins and how much it is", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.1", "more than the server would return is 400 tooMany", shown(func(c *client) {
		c.newUser(nil)
		c.do("GET", "/?sortBy=id&startIndex=5000&count=1000", nil).wantError(400, "tooMany")
	})),
	must("3.4.2.1", "the root holds the resources of all types", by("3.4.2.1 the root lists all resource types")),
	must("3.4.2.1", "filters mean the same across types", by("3.4.2.1 the root lists all resource types")),
	must("3.4.2.1", "an attribute that a type lacks has no value across types", by("3.4.2.1 the root lists all resource types")),
	plain("3.4.2.1", "a query on one resource", moot("it is optional and not served: filter, sort and page mean nothing on the path of a resource")),
	must("3.4.2.2", "only what matches is returned", by("3.4.2.2 every operator")),
	must("3.4.2.2", "a filter holds at least one expression", shown(func(c *client) {
		for _, f := range []string{"()", "not ()", "and", `"x"`} {
			c.find("/Users", f).wantError(400, "invalidFilter")
		}
	})),
	plain("3.4.2.2", "names and operators match in any case", by("3.4.2.2 every operator")),
	must("3.4.2.2", "the filters of figure 2 are understood", shown(func(c *client) {
		for _, f := range []string{
			`userName Eq "john"`, `Username eq "john"`, `userName eq "bjensen"`, `name.familyName co "O'Malley"`, `userName sw "J"`,
			userURN + `:userName sw "J"`, `title pr`, `meta.lastModified gt "2011-05-13T04:42:34Z"`, `meta.lastModified ge "2011-05-13T04:42:34Z"`,
			`meta.lastModified lt "2011-05-13T04:42:34Z"`, `meta.lastModified le "2011-05-13T04:42:34Z"`, `title pr and userType eq "Employee"`,
			`title pr or userType eq "Intern"`, `schemas eq "` + enterpriseURN + `"`, `userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`,
			`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`, `userType eq "Employee" and (emails.type eq "work")`,
			`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`,
			`emails[type eq "work" and value co "@example.com"] or ims[type eq "xmpp" and value co "@foo.com"]`,
			`emails[not (type eq "work") and (value co "a" or value co "b")]`,
		} {
			c.find("/Users", f, "count=1").want(200)
		}
	})),
	must("3.4.2.2", "a complex attribute is compared by a named sub-attribute", shown(func(c *client) {
		c.find("/Users", `name eq "x"`).wantError(400, "invalidFilter")
		c.find("/Users", `addresses eq "x"`).wantError(400, "invalidFilter")
		c.find("/Users", `name.givenName eq "x"`).want(200)
	})),
	plain("3.4.2.2", "one value of several is enough", by("3.4.2.2 every operator")),
	must("3.4.2.2", "a defaulted attribute counts with the value that was returned", shown(func(c *client) {
		u := c.newUser(nil)
		u.equal(true, "active")
		for f, n := range map[string]int{"active eq true": 1, "active pr": 1, "active eq false": 0, "active ne true": 0} {
			if got := len(c.find("/Users", `id eq "`+u.id()+`" and `+f).resources()); got != n {
				c.t.Errorf("%s: %d, want %d", f, got, n)
			}
		}
	})),
	must("3.4.2.2", "strings compare as caseExact says", by("3.4.2.2 every operator")),
	must("3.4.2.2", "gt, ge, lt and le on a boolean or binary attribute are refused", shown(func(c *client) {
		for _, verb := range []string{"gt", "ge", "lt", "le"} {
			c.find("/Users", "active "+verb+" true").wantError(400, "invalidFilter")
			c.find("/Users", "emails[primary "+verb+" true]").wantError(400, "invalidFilter")
			c.find("/Users", "x509Certificates "+verb+` "AQID"`).wantError(400, "invalidFilter")
		}
	})),
	plain("3.4.2.2", "dates compare in time, not as text", shown(func(c *client) {
		u := c.newUser(nil)
		for f, n := range map[string]int{
			`meta.created gt "2011-05-13T04:42:34Z"`: 1, `meta.created lt "2011-05-13T04:42:34+02:00"`: 0,
			`meta.created ge "` + u.at("meta", "created").(string) + `"`: 1, `meta.created gt "` + u.at("meta", "created").(string) + `"`: 0,
		} {
			if got := len(c.find("/Users", `id eq "`+u.id()+`" and `+f).resources()); got != n {
				c.t.Errorf("%s: %d, want %d", f, got, n)
			}
		}
	})),
	must("3.4.2.2", "grouping binds first, then not, and, or", by("3.4.2.2 every operator")),
	must("3.4.2.2", "a value filter applies to one value at a time", by("3.4.2.2 every operator")),
	must("3.4.2.2", "an unknown operation is invalidFilter with a detail", shown(func(c *client) {
		for _, f := range []string{`userName like "a"`, `userName = "a"`, `userName eq "a" xor id pr`, `regex(userName)`} {
			if d, _ := c.find("/Users", f).wantError(400, "invalidFilter").at("detail").(string); d == "" {
				c.t.Errorf("%s: no detail", f)
			}
		}
	})),
	plain("3.4.2.2", "extension attributes are named by their URN", by("3.4.2.2 every operator")),
	must("3.4.2.3", "without sortOrder, sortBy sorts ascending", shown(func(c *client) {
		tag := unique("s")
		for _, t := range []string{"b", "a", "c"} {
			c.newUser(object{"userType": tag, "title": t})
		}
		if got := strings.Join(c.find("/Users", `userType eq "`+tag+`"`, "sortBy=title").texts("title"), ""); got != "abc" {
			c.t.Errorf("got %s", got)
		}
	})),
	plain("3.4.2.3", "a multi-valued attribute sorts by its primary or first value", by("3.4.2.3 a multi-valued attribute sorts by its primary value")),
	plain("3.4.2.3", "resources without the attribute come last, first when descending", by("3.4.2.3 sort, in any case, unassigned last")),
	must("3.4.2.3", "strings that are not case exact sort in any case", by("3.4.2.3 sort, in any case, unassigned last")),
	must("3.4.2.3", "strings that are case exact sort by case", shown(func(c *client) {
		tag := unique("s")
		for _, x := range []string{"b", "A", "a", "B", "Z"} {
			c.newUser(object{"userType": tag, "externalId": x + tag})
		}
		got := ""
		for _, x := range c.find("/Users", `userType eq "`+tag+`"`, "sortBy=externalId").texts("externalId") {
			got += x[:1]
		}
		if got != "ABZab" {
			c.t.Errorf("got %s", got)
		}
	})),
	must("3.4.2.3", "dates sort in time", by("3.4.2.3 sort, in any case, unassigned last")),
	plain("3.4.2.3", "a complex attribute sorts by a named sub-attribute", shown(func(c *client) {
		tag := unique("s")
		for _, n := range []string{"Zeta", "alpha"} {
			c.newUser(object{"userType": tag, "name": object{"familyName": n}})
		}
		if got := strings.Join(c.find("/Users", `userType eq "`+tag+`"`, "sortBy=name.familyName").texts("name", "familyName"), " "); got != "alpha Zeta" {
			c.t.Errorf("got %s", got)
		}
		c.do("GET", "/Users?sortBy=name", nil).wantError(400, "invalidValue")
	})),
	must("3.4.2.4", "a startIndex below 1 is 1", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.4", "a negative count is 0, and 0 gives the total alone", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.4", "no more than count are returned", by("3.4.2.4 index pagination is exact and stable")),
	plain("3.4.2.4", "no more than the advertised maximum are returned", shown(func(c *client) {
		most := c.do("GET", "/ServiceProviderConfig", nil).at("filter", "maxResults").(float64)
		if n := len(c.do("GET", "/Users?count=1000000", nil).resources()); n > int(most) {
			c.t.Errorf("%d resources, maxResults %v", n, most)
		}
	})),
	must("3.4.2.5", "attributes and excludedAttributes select, except what is always returned", by("3.4.2.5 attributes and excludedAttributes")),
	must("3.4.3", ".search takes a SearchRequest and answers as GET does", by("3.4.3 .search takes the same in a body")),
	must("3.4.3", ".search exists at the root and for each type", shown(func(c *client) {
		for _, e := range []string{"", "/Users", "/Groups"} {
			c.do("POST", e+"/.search", object{"schemas": array{searchURN}, "count": 1}).want(200).resources()
			c.do("GET", e+"/.search", nil).want(405)
		}
	})),
	must("3.4.3", "the schema of the message is SearchRequest", moot("a requirement on clients; what they write there changes nothing")),
	plain("3.10", "core attributes need no URN, extension attributes do", shown(func(c *client) {
		c.newUser(object{enterpriseURN: object{"department": "D"}})
		c.find("/Users", `department eq "D"`).wantError(400, "invalidFilter")
		c.find("/Users", userURN+`:userName pr`, "count=1").want(200)
	})),
}
