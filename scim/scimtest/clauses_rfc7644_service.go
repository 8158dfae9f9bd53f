package scimtest

import "strings"

// serviceClauses are RFC 7644 sections 3.8 to 3.13 and 4 to 7.
var serviceClauses = []clause{
	must("3.8", "Accept application or scim+json is answered application or scim+json, also without Accept", shown(func(c *client) {
		for _, accept := range []string{"", "application/scim+json", "*/*", "application/*", "text/html, */*;q=0.1", "application/json;q=0.5, application/scim+json"} {
			if got := c.do("GET", "/Users?count=0", nil, header{"Accept", accept}).want(200).header.Get("Content-Type"); got != "application/scim+json" {
				c.t.Errorf("Accept %q: Content-Type %q", accept, got)
			}
		}
	})),
	plain("3.8", "Accept is weighed", shown(func(c *client) {
		for accept, want := range map[string]string{
			"application/json, application/scim+json;q=0.5": "application/json", "application/json;q=0.5, application/scim+json;q=0.4": "application/json",
			"application/scim+json;q=0, */*": "application/json", "application/json;q=0, */*": "application/scim+json",
			"application/json, */*": "application/scim+json", "application/json;q=0.2, application/*;q=0.1": "application/json",
			"APPLICATION/JSON; charset=utf-8; q=1.0": "application/json", "application/json;q=nonsense": "application/scim+json", ";;,,;q=": "application/scim+json",
		} {
			a, err := c.try("GET", "/Users?count=0", nil, header{"Accept", accept})
			if err != nil || a.status != 200 || a.header.Get("Content-Type") != want {
				c.t.Errorf("Accept %q: %v %+v, want %s", accept, err, a, want)
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
		body := func() object { return object{"userName": unique("enc")} }
		c.do("POST", "/Users", body(), header{"Content-Type", "application/scim+json; charset=UTF-8"}).want(201)
		c.do("POST", "/Users", body(), header{"Content-Type", "application/scim+json; charset=iso-8859-1"}).want(415)
		c.do("POST", "/Users", body(), header{"Content-Type", "application/json; charset=utf-16"}).want(415)
	})),
	plain("3.8", "a format asked for by the suffix .scim", moot("it is the client's choice, and Accept says the same; an id may hold a dot")),
	must("3.9", "attributes and excludedAttributes go with POST, PUT and PATCH as well", shown(func(c *client) {
		u := c.do("POST", "/Users?attributes=userName", object{"userName": unique("u"), "title": "T"}).want(201).absent("title")
		c.do("PUT", "/Users/"+u.id()+"?excludedAttributes=title", object{"userName": u.at("userName"), "title": "T", "nickName": "N"}).want(200).absent("title").equal("N", "nickName")
		c.do("PATCH", "/Users/"+u.id()+"?attributes=nickName", patchOf(op("add", "title", "X"))).want(200).absent("title").equal("N", "nickName")
	})),
	must("3.9", "attributes gives what is asked for and what is always returned", by("3.4.2.5 attributes and excludedAttributes")),
	must("3.9", "excludedAttributes leaves what is always returned", by("3.4.2.5 attributes and excludedAttributes", "RFC7643/7/what is returned always cannot be left out")),
	plain("3.9", "attributes and excludedAttributes exclude each other", shown(func(c *client) {
		u := c.newUser(nil)
		for _, path := range []string{"/Users", "/Users/" + u.id(), "/"} {
			c.do("GET", path+"?attributes=userName&excludedAttributes=emails", nil).wantError(400, "invalidValue")
			c.do("GET", path+"?attributes=&excludedAttributes=emails", nil).want(200)
		}
		c.do("POST", "/Users/.search", object{"attributes": array{"userName"}, "excludedAttributes": array{"emails"}}).wantError(400, "invalidValue")
		name := unique("neither")
		c.do("POST", "/Users?attributes=id&excludedAttributes=meta", object{"userName": name}).wantError(400, "invalidValue")
		c.find("/Users", `userName eq "`+name+`"`).equal(0, "totalResults")
	})),
	plain("3.10", "URN, attribute and sub-attribute match in any case", shown(func(c *client) {
		u := c.newUser(object{"name": object{"givenName": "G", "familyName": "F"}, enterpriseURN: object{"department": "D"}})
		upper := strings.ToUpper(userURN) + ":NAME.GIVENNAME"
		c.do("GET", "/Users/"+u.id()+"?attributes="+upper+","+strings.ToLower(enterpriseURN)+":DEPARTMENT", nil).want(200).
			equal("G", "name", "givenName").absent("name", "familyName").equal("D", enterpriseURN, "department").absent("userName")
		c.patch("/Users/"+u.id(), op("replace", upper, "H")).want(200).equal("H", "name", "givenName")
		c.find("/Users", `id eq "`+u.id()+`" and `+upper+` eq "h"`).equal(1, "totalResults")
	})),
	should("3.11", "me that is not served is 501", by("3.11 /Me is served or 501")),
	must("3.11", "an answer of me has the Location of the resource itself", elsewhere("`scim.TestMeIsTheCallingUserWhereTheDirectoryKnowsIt`; the product's tokens are no users, so /Me is 501 there")),
	must("3.12", "an error is a SCIM error body with status and, for 400, scimType", by("3.12 errors carry status, scimType and detail", "3.12 bodies that are no resource")),
	plain("3.12", "scimType is used where table 9 has it", by("3.4.2.2 an invalid filter is 400 invalidFilter", "3.4.2.3 sort, in any case, unassigned last", "3.12 a malformed path", "3.12 bodies that are no resource")),
	should("3.12", "an inner error tells how to find out more", elsewhere("`scim.TestInnerErrorsStayInside`: the answer names the request, under which the operator's log has the cause; the cause itself stays inside")),
	should("3.12", "the statuses of table 8 are used as they are meant", shown(func(c *client) {
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
	should("3.13", "without a version, the latest is used", shown(func(c *client) {
		u := c.newUser(nil)
		root := strings.TrimSuffix(c.f.BaseURL, "/v2")
		c.do("GET", root+"/Users/"+u.id(), nil).want(200).equal(u.id(), "id").equal(u.at("meta", "location"), "meta", "location")
		c.do("GET", root+"/ServiceProviderConfig", nil).want(200).equal(true, "patch", "supported")
		c.do("GET", root+"/Users/none", nil).want(404)
	})),
	must("4", "the configuration has its schema", by("RFC7643/5/ServiceProviderConfig states what is served")),
	must("4", "ServiceProviderConfig, ResourceTypes and Schemas answer GET", by("RFC7643/5/ServiceProviderConfig states what is served", "RFC7643/6/ResourceTypes lists User and Group", "RFC7643/7/Schemas describes every attribute with its characteristics")),
	must("4", "several are a ListResponse, one is the resource", by("RFC7643/6/ResourceTypes lists User and Group")),
	must("4", "sort and pagination parameters are ignored there", shown(func(c *client) {
		for _, e := range []string{"/Schemas", "/ResourceTypes", "/Schemas/" + groupURN, "/ResourceTypes/User", "/ServiceProviderConfig"} {
			for _, q := range []string{"count=few", "startIndex=x&sortOrder=sideways", "cursor=nonsense&startIndex=1", "attributes=id&excludedAttributes=id", "count=1&count=2", "sortBy=%zz"} {
				if got := c.do("GET", e+"?"+q, nil).want(200).raw; got != c.do("GET", e, nil).raw {
					c.t.Errorf("%s?%s: %.200s", e, q, got)
				}
			}
		}
		for _, e := range []string{"/Schemas", "/ResourceTypes"} {
			a := c.do("GET", e+"?startIndex=2&count=1&sortBy=name&sortOrder=descending&attributes=id", nil).want(200)
			if n, _ := a.at("totalResults").(float64); int(n) != len(a.resources()) {
				c.t.Errorf("%s: %d of %v", e, len(a.resources()), n)
			}
		}
		c.do("GET", "/ServiceProviderConfig?startIndex=2&attributes=id", nil).want(200).equal(true, "patch", "supported")
	})),
	should("4", "a filter there is 403", by("4 discovery endpoints refuse a filter")),
	must("5", "names that the profile of RFC 8265 forbids are refused", missed("what is a name is for the identity provider to say: names with characters that the profile forbids are kept, and compared as the profile compares")),
	must("5", "passwords are prepared before they are compared", moot("a password that is pushed is not kept, so none is ever compared")),
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
	plain("6", "a connection sees nothing of another connection", shown(isolation(func(f Fixture) string { return f.Other }))),
	plain("6", "a tenant sees nothing of another tenant", shown(isolation(func(f Fixture) string { return f.Stranger }))),
	plain("6.2", "externalId is unique within its tenant only", by("RFC7643/3.1/externalId is scoped to the provisioning domain")),
	plain("7.1", "HTTP is used as RFC 9110 says", by("3.2 a method that an endpoint lacks is 405 with Allow")),
	must("7.2", "TLS 1.2 or later is used", elsewhere("`internal/controlplane.TestPlainHTTPIsServedOnLoopbackOnly` and `cmd/gatehouse.TestTheBridgeServesPlainHTTPOnLoopbackOnly`")),
	must("7.2", "nothing but TLS is spoken beyond loopback", elsewhere("`internal/controlplane.TestPlainHTTPIsServedOnLoopbackOnly` and `cmd/gatehouse.TestTheBridgeServesPlainHTTPOnLoopbackOnly`")),
	must("7.3", "the threats of RFC 7521 section 8 are considered for OAuth tokens", moot("tokens are no OAuth tokens")),
	must("7.4", "tokens cannot be guessed", elsewhere("`internal/provisioning.TestSecretsOfTokensAreNotStored`; a secret is by construction an HMAC-SHA-256 under a random key of the server")),
	must("7.4", "bearer tokens expire, directly or indirectly", elsewhere("`internal/provisioning.TestTokenRulesSayWhatToWrite` (180 days unless said otherwise, 366 at most)")),
	should("7.4", "a cookie lasts no longer than the session of the browser", moot("no cookie is given or taken")),
	must("7.5.1", "the privacy considerations of RFC 7643 are considered", by("7.5.1 answers are not cached", "RFC7643/4.1.1/password is accepted and never returned")),
	plain("7.5.1", "personal data is not cached", by("7.5.1 answers are not cached")),
	should("7.5.2", "a GET whose filter holds personal data is 403 sensitive", missed("every identity provider looks people up by GET with their name or address in the filter, and none would come again by POST; .search is there for those who do, and the connection is TLS")),
	plain("7.5.2", "sensitive filters can be sent in a body", by("3.4.3 .search takes the same in a body")),
	plain("7.5.2", "a filter on the password is refused", shown(func(c *client) {
		c.find("/Users", `password eq "x"`).want(400)
		c.do("POST", "/Users/.search", object{"filter": `password sw "a"`}).want(400)
		c.do("GET", "/Users?sortBy=password", nil).want(400)
	})),
	plain("7.6", "requests without a token are refused", by("2 a request without a valid token is 401 with a SCIM body")),
	should("7.7", "inputs are validated against injection", by("3.4.2.2 quotes, backslashes and \\u escapes in values")),
	should("7.7", "guessing is slowed down", elsewhere("`scim.TestThrottleAnswers429WithRetryAfter`; a token is too long to guess, and there are no passwords here")),
	should("7.7", "each client may do what it needs and no more", by("6 a connection sees nothing of another connection")),
	should("7.7", "passwords are not kept in the clear", elsewhere("`scim.TestObserverSeesEveryRequestWithoutPasswords`; a password that is pushed is not kept at all")),
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
