package scimtest

import (
	"fmt"
	"strings"
)

func bulk(ops ...object) object {
	list := array{}
	for _, o := range ops {
		list = append(list, o)
	}
	return object{"schemas": array{bulkURN}, "Operations": list}
}

func bulkPost(endpoint, bulkID string, data object) object {
	return object{"method": "POST", "path": endpoint, "bulkId": bulkID, "data": data}
}

var bulkProtocol = []test{
	{"3.7 every method, with location, version and status", func(c *client) {
		u, v := c.newUser(nil), c.newUser(nil)
		name := unique("b")
		a := c.do("POST", "/Bulk", bulk(
			bulkPost("/Users", "q", object{"userName": name}),
			object{"method": "PUT", "path": "/Users/" + u.id(), "data": object{"userName": name + "2"}},
			object{"method": "patch", "path": "/Users/" + u.id(), "data": patchOf(op("replace", "title", "T"))},
			object{"method": "PATCH", "path": "/Users/" + u.id(), "data": array{op("replace", "nickName", "N")}},
			object{"method": "DELETE", "path": "/Users/" + v.id()},
		)).want(200)
		a.equal("urn:ietf:params:scim:api:messages:2.0:BulkResponse", "schemas", 0)
		for i, status := range []string{"201", "200", "200", "200", "204"} {
			a.equal(status, "Operations", i, "status")
			if loc, _ := a.at("Operations", i, "location").(string); !strings.HasPrefix(loc, c.f.BaseURL+"/Users/") {
				c.t.Errorf("operation %d: location %q", i, loc)
			}
		}
		a.equal("q", "Operations", 0, "bulkId").equal("POST", "Operations", 0, "method")
		now := c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title").equal("N", "nickName").equal(name+"2", "userName")
		a.equal(now.header.Get("ETag"), "Operations", 3, "version")
		c.do("GET", "/Users/"+v.id(), nil).want(404)
	}},
	{"3.7 version is an If-Match", func(c *client) {
		u := c.newUser(nil)
		p := object{"method": "PATCH", "path": "/Users/" + u.id(), "version": `W/"old"`, "data": patchOf(op("replace", "title", "T"))}
		c.do("POST", "/Bulk", bulk(p)).want(200).equal("412", "Operations", 0, "status").equal("412", "Operations", 0, "response", "status")
		p["version"] = u.header.Get("ETag")
		c.do("POST", "/Bulk", bulk(p)).want(200).equal("200", "Operations", 0, "status")
	}},
	{"3.7.2 a bulkId stands for the resource, before and after it", func(c *client) {
		g, h := unique("g"), unique("h")
		a := c.do("POST", "/Bulk", bulk(
			bulkPost("/Groups", "g1", object{"displayName": g, "members": refs("bulkId:u1")}),
			bulkPost("/Users", "u1", object{"userName": unique("u")}),
			bulkPost("/Groups", "g2", object{"displayName": h, "members": refs("bulkId:u1")}),
			object{"method": "PATCH", "path": "/Groups/bulkId:g2", "data": patchOf(op("remove", `members[value eq "bulkId:u1"]`))},
			object{"method": "PUT", "path": "/Users/bulkId:u1", "data": object{"userName": unique("u"), "title": "T"}},
		)).want(200)
		for i, status := range []string{"201", "201", "201", "204", "200"} {
			a.equal(status, "Operations", i, "status")
		}
		id := func(i int) string {
			loc, _ := a.at("Operations", i, "location").(string)
			return loc[strings.LastIndex(loc, "/")+1:]
		}
		c.wantMembers(id(0), id(1))
		c.wantMembers(id(2))
		c.do("GET", "/Users/"+id(1), nil).want(200).equal("T", "title")
	}},
	{"3.7.1 circular references are resolved", func(c *client) {
		mk := func(id, boss string) object {
			return bulkPost("/Users", id, object{"userName": unique("c"), enterpriseURN: object{"manager": object{"value": "bulkId:" + boss}}})
		}
		a := c.do("POST", "/Bulk", bulk(mk("a", "b"), mk("b", "c"), mk("c", "a"), mk("self", "self"))).want(200)
		loc := map[string]string{}
		for i, id := range []string{"a", "b", "c", "self"} {
			a.equal("201", "Operations", i, "status")
			loc[id], _ = a.at("Operations", i, "location").(string)
		}
		for from, to := range map[string]string{"a": "b", "b": "c", "c": "a", "self": "self"} {
			c.do("GET", loc[from], nil).want(200).equal(loc[to], enterpriseURN, "manager", "$ref")
		}
	}},
	{"3.7.1 a reference to what fails, fails", func(c *client) {
		u := c.newUser(nil)
		g := unique("g")
		a := c.do("POST", "/Bulk", bulk(
			bulkPost("/Users", "dup", object{"userName": u.at("userName")}),
			bulkPost("/Groups", "g", object{"displayName": g, "members": refs("bulkId:dup")}),
			bulkPost("/Groups", "h", object{"displayName": unique("g"), "members": refs("bulkId:nowhere")}),
		)).want(200)
		for i := range 3 {
			a.equal("409", "Operations", i, "status").absent("Operations", i, "location")
		}
		a.equal("uniqueness", "Operations", 0, "response", "scimType")
		if n := len(c.find("/Groups", `displayName eq "`+g+`"`).resources()); n != 0 {
			c.t.Error("the group was created all the same")
		}
	}},
	{"3.7.3 failOnErrors stops", func(c *client) {
		bad := func(i int) object { return bulkPost("/Users", fmt.Sprint(i), object{"title": "no name"}) }
		req := bulk(bad(1), bad(2), bad(3), bad(4))
		c.do("POST", "/Bulk", req).want(200).equal("400", "Operations", 3, "status")
		req["failOnErrors"] = 2
		c.do("POST", "/Bulk", req).want(200).equal("400", "Operations", 1, "status").absent("Operations", 2)
	}},
	{"3.7.3 mistakes in one operation do not harm the others", func(c *client) {
		a := c.do("POST", "/Bulk", bulk(
			object{"method": "POST", "path": "/Users", "data": object{"userName": unique("n")}}, // no bulkId
			object{"method": "GET", "path": "/Users/x"},
			object{"method": "DELETE", "path": "/Robots/x"},
			object{"method": "DELETE", "path": "/Users"},
			object{"method": "PATCH", "path": "/Users/unknown", "data": patchOf(op("replace", "title", "T"))},
			object{"method": "PUT", "path": "/Users/unknown", "data": "text"},
			object{"method": "PUT", "path": "/Users/unknown"},
			bulkPost("/Users", "ok", object{"userName": unique("ok")}),
		)).want(200)
		for i, status := range []string{"400", "405", "404", "405", "404", "400", "400", "201"} {
			a.equal(status, "Operations", i, "status")
		}
	}},
	{"3.7.4 too many operations or bytes are 413", func(c *client) {
		conf := c.do("GET", "/ServiceProviderConfig", nil).want(200)
		limit := int(conf.at("bulk", "maxOperations").(float64))
		ops := make([]object, limit+1)
		for i := range ops {
			ops[i] = object{"method": "DELETE", "path": "/Users/x"}
		}
		a := c.do("POST", "/Bulk", bulk(ops...)).want(413)
		if !strings.Contains(a.at("detail").(string), fmt.Sprint(limit)) {
			c.t.Errorf("the limit is not named: %v", a.at("detail"))
		}
		size := int(conf.at("bulk", "maxPayloadSize").(float64))
		a = c.do("POST", "/Bulk", `{"x":"`+strings.Repeat("x", size)+`"}`).want(413)
		if !strings.Contains(a.at("detail").(string), fmt.Sprint(size)) {
			c.t.Errorf("the limit is not named: %v", a.at("detail"))
		}
	}},
	{"3.7 what is no bulk request is 400", func(c *client) {
		for _, b := range []string{``, `[]`, `{}`, `{"Operations":{}}`, `{"Operations":[1]}`, `{"Operations":[]}`,
			`{"failOnErrors":"x","Operations":[{}]}`, `{"Operations":[{"method":"POST","bulkId":"a"},{"method":"POST","bulkId":"a"}]}`} {
			c.do("POST", "/Bulk", b).wantError(400, "invalidSyntax")
		}
	}},
}
