package scimtest

import (
	"net/http"
	"strings"
)

var resourceProtocol = []test{
	{"2 a request without a valid token is 401 with a SCIM body", func(c *client) {
		for _, h := range []string{"", "Bearer wrong", "Bearer", "Basic dXNlcjpwYXNz", c.f.Token} {
			for _, path := range []string{"/Users", "/ServiceProviderConfig", "/Nowhere"} {
				if h == "" && path == "/ServiceProviderConfig" {
					continue // public: RFC 7643 section 5
				}
				a := c.do("GET", path, nil, header{"Authorization", h}).want(401)
				if a.header.Get("WWW-Authenticate") == "" {
					c.t.Errorf("401 without WWW-Authenticate")
				}
			}
		}
		c.do("GET", "/Users?count=0", nil, header{"Authorization", "bearer " + c.f.Token}).want(200)
	}},
	{"3.1 bodies are application/scim+json or application/json", func(c *client) {
		body := func() string { return `{"userName":"` + unique("m") + `"}` }
		c.do("POST", "/Users", body(), header{"Content-Type", "application/json; charset=utf-8"}).want(201)
		c.do("POST", "/Users", body(), header{"Content-Type", "application/scim+json; charset=utf-8"}).want(201)
		c.do("POST", "/Users", body(), header{"Content-Type", "text/plain"}).want(415)
		c.do("POST", "/Users", body(), header{"Content-Type", "application/x-www-form-urlencoded"}).want(415)
		c.do("POST", "/Users", body(), header{"Content-Encoding", "gzip"}).want(415)
	}},
	{"3.2 a method that an endpoint lacks is 405 with Allow", func(c *client) {
		for _, r := range [][3]string{
			{"PUT", "/Users", "GET, POST"}, {"DELETE", "/Groups", "GET, POST"}, {"POST", "/Users/x", "GET, PUT, PATCH, DELETE"},
			{"POST", "/ServiceProviderConfig", "GET"}, {"GET", "/Bulk", "POST"}, {"GET", "/Users/.search", "POST"},
			{"DELETE", "/Schemas", "GET"},
		} {
			a := c.do(r[0], r[1], nil).want(405)
			if a.header.Get("Allow") != r[2] {
				c.t.Errorf("%s %s: Allow %q, want %q", r[0], r[1], a.header.Get("Allow"), r[2])
			}
		}
	}},
	{"3.2 an endpoint that does not exist is 404", func(c *client) {
		for _, p := range []string{"/Robots", "/Users/a/b", "/users", "/Users/%00", "/Users/" + strings.Repeat("x", 5000)} {
			c.do("GET", p, nil).want(404)
		}
	}},
	{"3.3 POST answers 201 with Location, ETag and the whole resource", func(c *client) {
		a := c.newUser(object{"displayName": "Ann"})
		if got := a.header.Get("Location"); got != c.f.BaseURL+"/Users/"+a.id() {
			c.t.Errorf("Location %q", got)
		}
		if !strings.HasPrefix(a.header.Get("ETag"), `W/"`) {
			c.t.Errorf("ETag %q", a.header.Get("ETag"))
		}
		a.equal("Ann", "displayName")
		g := c.newGroup()
		if got := g.header.Get("Location"); got != c.f.BaseURL+"/Groups/"+g.id() {
			c.t.Errorf("Location %q", got)
		}
	}},
	{"3.3 a duplicate is 409 uniqueness, in any case", func(c *client) {
		u := c.newUser(nil)
		c.do("POST", "/Users", object{"userName": strings.ToUpper(u.at("userName").(string))}).wantError(409, "uniqueness")
		g := c.newGroup()
		c.do("POST", "/Groups", object{"displayName": strings.ToUpper(g.at("displayName").(string))}).wantError(409, "uniqueness")
		o := c.newUser(nil)
		c.patch("/Users/"+o.id(), object{"op": "replace", "path": "userName", "value": u.at("userName")}).wantError(409, "uniqueness")
	}},
	{"3.4.1 GET returns one resource", func(c *client) {
		u := c.newUser(object{"displayName": "Ann"})
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("Ann", "displayName").equal(u.id(), "id")
		c.do("GET", "/Users/"+u.id()+"/", nil).want(200)
		c.do("GET", "/Users/unknown", nil).want(404)
		c.do("GET", "/Groups/"+u.id(), nil).want(404)
	}},
	{"3.5.1 PUT replaces what clients write and ignores read-only attributes", func(c *client) {
		u := c.newUser(object{"displayName": "Ann", "title": "Engineer", "emails": array{object{"value": "a@example.com"}},
			enterpriseURN: object{"department": "Tools"}})
		next := object{"schemas": array{userURN}, "id": "other", "userName": u.at("userName"), "displayName": "Anna",
			"groups": array{object{"value": "x"}}, "meta": object{"version": "x"}}
		a := c.do("PUT", "/Users/"+u.id(), next).want(200)
		a.equal("Anna", "displayName").absent("title").absent("emails").absent(enterpriseURN).equal(u.id(), "id").
			equal(u.at("meta", "created"), "meta", "created")
		if a.header.Get("ETag") == u.header.Get("ETag") {
			c.t.Error("the version did not change")
		}
		c.do("PUT", "/Users/unknown", next).want(404)
		c.do("PUT", "/Users/"+u.id(), object{"displayName": "x"}).wantError(400, "invalidValue")
	}},
	{"3.5.1 PUT of what does not exist creates nothing", func(c *client) {
		c.do("PUT", "/Users/made-up", object{"userName": unique("p")}).want(404)
		c.do("PUT", "/Groups/made-up", object{"displayName": unique("p")}).want(404)
		c.do("GET", "/Users/made-up", nil).want(404)
	}},
	{"3.5.1 PUT without active or externalId leaves them", func(c *client) {
		u := c.newUser(object{"active": false, "externalId": unique("x")})
		c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName")}).want(200).
			equal(false, "active").equal(u.at("externalId"), "externalId")
	}},
	{"3.5.1 PUT of a group replaces its members; absent members stay", func(c *client) {
		ids := c.newUsers(3)
		g := c.newGroup(ids[0], ids[1])
		name := g.at("displayName")
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": name, "members": refs(ids[1], ids[2])}).want(200).equal(name, "displayName")
		c.wantMembers(g.id(), ids[1], ids[2])
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": name.(string) + "2"}).want(200).equal(name.(string)+"2", "displayName")
		c.wantMembers(g.id(), ids[1], ids[2])
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": name, "members": array{}}).want(200).absent("members")
		c.wantMembers(g.id())
	}},
	{"3.5.1 PUT of what is there already changes nothing", func(c *client) {
		u := c.newUser(object{"displayName": "Ann", "emails": array{object{"value": "a@example.com", "type": "work"}}})
		a := c.do("PUT", "/Users/"+u.id(), u.body).want(200)
		a.equal(u.at("meta", "version"), "meta", "version").equal(u.at("meta", "lastModified"), "meta", "lastModified")
	}},
	{"3.6 DELETE answers 204, then 404", func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup(u.id())
		if a := c.do("DELETE", "/Users/"+u.id(), nil).want(204); a.raw != "" {
			c.t.Errorf("204 with a body")
		}
		c.do("DELETE", "/Users/"+u.id(), nil).want(404)
		c.do("GET", "/Users/"+u.id(), nil).want(404)
		c.wantMembers(g.id())
		c.do("DELETE", "/Groups/"+g.id(), nil).want(204)
		c.do("DELETE", "/Groups/"+g.id(), nil).want(404)
	}},
	{"3.14 If-None-Match with the current version is 304", func(c *client) {
		u := c.newUser(nil)
		tag := u.header.Get("ETag")
		if a := c.do("GET", "/Users/"+u.id(), nil, header{"If-None-Match", tag}).want(304); a.header.Get("ETag") != tag {
			c.t.Errorf("304 with ETag %q", a.header.Get("ETag"))
		}
		c.do("GET", "/Users/"+u.id(), nil, header{"If-None-Match", `W/"old", ` + tag}).want(304)
		c.do("GET", "/Users/"+u.id(), nil, header{"If-None-Match", `W/"old"`}).want(200)
		g := c.newGroup()
		c.do("GET", "/Groups/"+g.id(), nil, header{"If-None-Match", g.header.Get("ETag")}).want(304)
	}},
	{"3.14 If-Match with another version is 412 and changes nothing", func(c *client) {
		u, g := c.newUser(object{"title": "a"}), c.newGroup()
		old := header{"If-Match", `W/"old"`}
		title := patchOf(object{"op": "replace", "path": "title", "value": "b"})
		name := patchOf(object{"op": "replace", "path": "displayName", "value": unique("n")})
		c.do("PATCH", "/Users/"+u.id(), title, old).want(412)
		c.do("PUT", "/Users/"+u.id(), object{"userName": u.at("userName")}, old).want(412)
		c.do("DELETE", "/Users/"+u.id(), nil, old).want(412)
		c.do("PATCH", "/Groups/"+g.id(), name, old).want(412)
		c.do("PUT", "/Groups/"+g.id(), object{"displayName": "x"}, old).want(412)
		c.do("DELETE", "/Groups/"+g.id(), nil, old).want(412)
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("a", "title")
		c.do("PATCH", "/Users/"+u.id(), title, header{"If-Match", u.header.Get("ETag")}).want(200).equal("b", "title")
		c.do("PATCH", "/Users/"+u.id(), title, header{"If-Match", u.header.Get("ETag")}).want(412)
		c.do("PATCH", "/Users/"+u.id(), title, header{"If-Match", "*"}).want(200)
		a := c.do("PATCH", "/Groups/"+g.id(), name, header{"If-Match", g.header.Get("ETag")}).want(204)
		c.do("DELETE", "/Groups/"+g.id(), nil, header{"If-Match", a.header.Get("ETag")}).want(204)
	}},
	{"3.14 the version of a group changes with its members", func(c *client) {
		u := c.newUser(nil)
		g := c.newGroup()
		a := c.patch("/Groups/"+g.id(), object{"op": "add", "path": "members", "value": refs(u.id())}).want(204)
		b := c.do("GET", "/Groups/"+g.id(), nil).want(http.StatusOK)
		if a.header.Get("ETag") == g.header.Get("ETag") || a.header.Get("ETag") != b.header.Get("ETag") {
			c.t.Errorf("versions %s, %s, %s", g.header.Get("ETag"), a.header.Get("ETag"), b.header.Get("ETag"))
		}
	}},
}
