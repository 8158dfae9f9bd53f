package scimtest

import "strings"

// resourceClauses are RFC 7644 sections 2 to 3.3, 3.4.1, 3.5.1, 3.6 and 3.14.
var resourceClauses = []clause{
	must("2", "401 names the schemes in WWW-Authenticate", by("2 a request without a valid token is 401 with a SCIM body")),
	must("2", "a caller is mapped to an access control policy", elsewhere("`internal/server.TestNobodyReachesAnotherWorkspace` and the clauses of section 6")),
	should("2.1", "bearer tokens are supported", by("RFC7643/5/ServiceProviderConfig states what is served")),
	should("2.1", "tokens have a limited lifetime", elsewhere("`internal/provisioning.TestTokenRulesSayWhatToWrite` (180 days unless said otherwise, 366 at most)")),
	must("3.1", "bodies are application/scim+json in UTF-8", by("3.1 bodies are application/scim+json or application/json")),
	must("3.2", "GET, POST, PUT and DELETE do what the standard says", by("3.2 a method that an endpoint lacks is 405 with Allow")),
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
	must("3.4.1", "GET of a resource is 200 with it", by("3.4.1 GET returns one resource")),
	must("3.4.1", "what does not exist is 404", by("3.4.1 GET returns one resource")),
	must("3.5.1", "readWrite and writeOnly attributes are replaced", by("3.5.1 PUT replaces what clients write and ignores read-only attributes")),
	must("3.5.1", "readOnly attributes are ignored", by("3.5.1 PUT replaces what clients write and ignores read-only attributes")),
	must("3.5.1", "immutable attributes must match", moot("members are replaced as a whole, and no other attribute is immutable")),
	must("3.5.1", "PUT answers 200 with the whole resource", by("3.5.1 PUT replaces what clients write and ignores read-only attributes", "3.5.1 PUT of a group replaces its members; absent members stay")),
	must("3.5.1", "PUT creates nothing", shown(func(c *client) {
		c.do("PUT", "/Users/made-up", object{"userName": unique("p")}).want(404)
		c.do("PUT", "/Groups/made-up", object{"displayName": unique("p")}).want(404)
		c.do("GET", "/Users/made-up", nil).want(404)
	})),
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
	should("3.14", "entity tags are weak", shown(func(c *client) {
		for _, a := range []*answer{c.newUser(nil), c.newGroup()} {
			if tag := a.header.Get("ETag"); !strings.HasPrefix(tag, `W/"`) || !strings.HasSuffix(tag, `"`) {
				c.t.Errorf("ETag %s", tag)
			}
		}
	})),
	must("3.14", "If-None-Match of the current version is 304", by("3.14 If-None-Match with the current version is 304")),
	must("3.14", "If-Match of another version is 412", by("3.14 If-Match with another version is 412 and changes nothing")),
}

// queryClauses are RFC 7644 sections 3.4.2 and 3.4.3.
var queryClauses = []clause{
	must("3.4.2", "a list is a ListResponse with totalResults, Resources, startIndex and itemsPerPage", by("3.4.2.4 index pagination is exact and stable", "3.4.2 no match is 200 with an empty list")),
	must("3.4.2", "no match is 200 and totalResults 0", by("3.4.2 no match is 200 with an empty list")),
	should("3.4.2", "more than the server can return is tooMany", shown(func(c *client) {
		c.newUser(nil)
		c.do("GET", "/?sortBy=id&startIndex=5000&count=1000", nil).wantError(400, "tooMany")
	})),
	must("3.4.2.1", "an attribute that a type lacks has no value across types", by("3.4.2.1 the root lists all resource types")),
	must("3.4.2.1", "each result across types says what it is", shown(func(c *client) {
		tag := unique("what")
		c.newUser(object{"externalId": tag})
		c.do("POST", "/Groups", object{"displayName": unique("g"), "externalId": tag}).want(201)
		for _, r := range c.find("/", `externalId eq "`+tag+`"`, "attributes=externalId,meta").resources() {
			if dig(r, "schemas", 0) == nil || dig(r, "meta", "resourceType") == nil {
				c.t.Errorf("%v does not say what it is", r)
			}
		}
	})),
	must("3.4.2.2", "a filter holds at least one expression", shown(func(c *client) {
		for _, f := range []string{"()", "not ()", "and", `"x"`} {
			c.find("/Users", f).wantError(400, "invalidFilter")
		}
	})),
	must("3.4.2.2", "names and operators match in any case", by("3.4.2.2 every operator")),
	must("3.4.2.2", "strings compare as caseExact says", by("3.4.2.2 every operator")),
	must("3.4.2.2", "gt, ge, lt and le on a boolean or binary attribute are refused", shown(func(c *client) {
		for _, verb := range []string{"gt", "ge", "lt", "le"} {
			c.find("/Users", "active "+verb+" true").wantError(400, "invalidFilter")
			c.find("/Users", "emails[primary "+verb+" true]").wantError(400, "invalidFilter")
			c.find("/Users", "x509Certificates "+verb+` "AQID"`).wantError(400, "invalidFilter")
		}
	})),
	must("3.4.2.2", "dates compare in time, not as text", shown(func(c *client) {
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
	must("3.4.2.2", "extension attributes are named by their URN", by("3.4.2.2 every operator")),
	must("3.4.2.3", "without sortOrder, sortBy sorts ascending", shown(func(c *client) {
		tag := unique("s")
		for _, t := range []string{"b", "a", "c"} {
			c.newUser(object{"userType": tag, "title": t})
		}
		if got := strings.Join(c.find("/Users", `userType eq "`+tag+`"`, "sortBy=title").texts("title"), ""); got != "abc" {
			c.t.Errorf("got %s", got)
		}
	})),
	must("3.4.2.3", "a multi-valued attribute sorts by its primary or first value", by("3.4.2.3 a multi-valued attribute sorts by its primary value")),
	must("3.4.2.3", "resources without the attribute come last, first when descending", by("3.4.2.3 sort, in any case, unassigned last")),
	must("3.4.2.3", "strings that are not case exact sort in any case", by("3.4.2.3 sort, in any case, unassigned last")),
	must("3.4.2.3", "a complex attribute sorts by a named sub-attribute", shown(func(c *client) {
		tag := unique("s")
		for _, n := range []string{"Zeta", "alpha"} {
			c.newUser(object{"userType": tag, "name": object{"familyName": n}})
		}
		if got := strings.Join(c.find("/Users", `userType eq "`+tag+`"`, "sortBy=name.familyName").texts("name", "familyName"), " "); got != "alpha Zeta" {
			c.t.Errorf("got %s", got)
		}
		c.do("GET", "/Users?sortBy=name", nil).wantError(400, "invalidPath")
	})),
	must("3.4.2.4", "a startIndex below 1 is 1", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.4", "a negative count is 0, and 0 gives the total alone", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.4", "no more than count are returned", by("3.4.2.4 index pagination is exact and stable")),
	must("3.4.2.4", "no more than the advertised maximum are returned", shown(func(c *client) {
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
	must("3.10", "core attributes need no URN, extension attributes do", shown(func(c *client) {
		c.newUser(object{enterpriseURN: object{"department": "D"}})
		c.find("/Users", `department eq "D"`).wantError(400, "invalidFilter")
		c.find("/Users", userURN+`:userName pr`, "count=1").want(200)
	})),
}
