package scimtest

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// hostile is input that must be refused, or answered, in bounded time and with
// nothing half-applied.
var hostile = []test{
	{"wrong types everywhere are 400, never 500", func(c *client) {
		wrong := []string{`null`, `true`, `5`, `1e999`, `"text"`, `{}`, `[]`, `[[]]`, `[null]`, `[{}]`, `{"value":{}}`, `[{"value":[]}]`, `{"a":{"b":{"c":[]}}}`}
		names := []string{"schemas", "userName", "name", "active", "emails", "addresses", "externalId", "id", "meta", "groups", "password",
			"x509Certificates", enterpriseURN, enterpriseURN + ":manager", "name.givenName", `emails[type eq "work"]`, userURN, "emails[", "$ref", ""}
		u, g := c.newUser(nil), c.newGroup()
		for _, n := range names {
			for _, w := range wrong {
				key := fmt.Sprintf("%q", n)
				for _, r := range [][3]string{
					{"POST", "/Users", `{"userName":"` + unique("w") + `",` + key + `:` + w + `}`},
					{"PUT", "/Users/" + u.id(), `{` + key + `:` + w + `}`},
					{"PATCH", "/Users/" + u.id(), `{"Operations":[{"op":"add","value":{` + key + `:` + w + `}}]}`},
					{"PATCH", "/Users/" + u.id(), `{"Operations":[{"op":"replace","path":` + key + `,"value":` + w + `}]}`},
					{"PATCH", "/Users/" + u.id(), `{"Operations":[{"op":"remove","path":` + key + `,"value":` + w + `}]}`},
					{"PATCH", "/Groups/" + g.id(), `{"Operations":[{"op":"add","path":"members","value":` + w + `}]}`},
					{"PATCH", "/Groups/" + g.id(), `{"Operations":[{"op":` + w + `,"path":` + w + `,"value":` + w + `}]}`},
					{"PATCH", "/Groups/" + g.id(), `{"Operations":` + w + `}`},
					{"POST", "/Groups", `{"displayName":` + w + `,"members":` + w + `}`},
					{"POST", "/Users/.search", `{"filter":` + w + `,"count":` + w + `,"attributes":` + w + `}`},
					{"POST", "/Bulk", `{"Operations":[{"method":"POST","path":"/Users","bulkId":"x","data":` + w + `}]}`},
				} {
					if a := c.do(r[0], r[1], r[2]); a.status >= 500 {
						c.t.Errorf("%s %s %s: %d", r[0], r[1], r[2], a.status)
					}
				}
			}
		}
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal(u.id(), "id").equal(u.at("meta", "created"), "meta", "created")
		c.members(g.id())
	}},
	{"deep nesting is refused", func(c *client) {
		for _, b := range []string{
			strings.Repeat(`{"a":`, 10000) + `1` + strings.Repeat(`}`, 10000), strings.Repeat(`[`, 100000),
			`{"userName":"x","emails":` + strings.Repeat(`[`, 5000) + strings.Repeat(`]`, 5000) + `}`,
		} {
			c.do("POST", "/Users", b).wantError(400, "invalidSyntax")
			c.do("POST", "/Bulk", b).wantError(400, "invalidSyntax")
		}
	}},
	{"a body beyond the limit is 413", func(c *client) {
		c.do("POST", "/Users", `{"userName":"`+strings.Repeat("x", 2<<20)+`"}`).want(413)
		c.do("PATCH", "/Users/x", `{"Operations":[`+strings.Repeat(`{},`, 400_000)+`{}]}`).want(413)
	}},
	{"long values and many values are refused", func(c *client) {
		c.do("POST", "/Users", object{"userName": strings.Repeat("x", 100_000)}).wantError(400, "invalidValue")
		many := array{}
		for i := range 5000 {
			many = append(many, email(fmt.Sprint(i), "work"))
		}
		c.do("POST", "/Users", object{"userName": unique("m"), "emails": many}).wantError(400, "invalidValue")
	}},
	{"NUL and invalid UTF-8 are refused", func(c *client) {
		c.do("POST", "/Users", `{"userName":"a\u0000b"}`).wantError(400, "invalidValue")
		c.do("POST", "/Users", "{\"userName\":\"a\xff\xfe\"}").wantError(400, "invalidSyntax")
		c.do("GET", "/Users/a%00b", nil).want(404)
		c.do("GET", "/Users/%ff", nil).want(404)
		c.do("GET", "/Users?filter=userName%20eq%20%22%ff%22", nil).want(400)
		c.do("POST", "/Groups", `{"displayName":"x","members":[{"value":"a\u0000"}]}`).want(400)
		for _, ref := range []string{"/Users/%00", "/Users/%ff", "%00"} {
			c.do("POST", "/Groups", object{"displayName": unique("nul"), "members": array{object{"$ref": ref}}}).wantError(400, "invalidValue")
			c.do("POST", "/Users", object{"userName": unique("nul"), enterpriseURN: object{"manager": object{"$ref": ref}}}).wantError(400, "invalidValue")
		}
		c.do("POST", "/Users/.search", `{"filter":"userName eq \"a\\u0000\""}`).wantError(400, "invalidFilter")
		if a, err := c.try("GET", "/Users?filter=\xff\xfe", nil); err == nil && a.status != 400 {
			c.t.Errorf("bytes that are no UTF-8: %d", a.status)
		}
		// What is ignored is noted, and what is noted is kept.
		u := c.do("POST", "/Users", `{"userName":"`+unique("nul")+`","a\u0000b":1,"\u0000":{},"schemas":["urn:\u0000"],"name":{"\u0000":1,"givenName":"G"}}`).want(201).equal("G", "name", "givenName")
		c.do("PATCH", "/Users/"+u.id(), `{"Operations":[{"op":"add","value":{"a\u0000b":1,"title":"T"}}]}`).want(200).equal("T", "title")
		c.do("PATCH", "/Users/"+u.id(), `{"Operations":[{"op":"add","path":"a\u0000b","value":1}]}`).wantError(400, "invalidPath")
		g := c.do("POST", "/Groups", `{"displayName":"`+unique("nul")+`","\u0000":1}`).want(201)
		c.do("PATCH", "/Groups/"+g.id(), `{"Operations":[{"op":"replace","value":{"\u0000":1,"externalId":"`+unique("nul")+`"}}]}`).want(204)
		long := strings.Repeat("x", 100_000)
		a := c.do("POST", "/Bulk", `{"Operations":[{"method":"\u0000","path":"/Users/\u0000"},{"method":"DELETE","path":"/Users/x","version":"\u0000"},{"method":"`+long+`","path":"`+long+`"},
			{"method":"POST","path":"/Users","bulkId":"\u0000","data":{"userName":"`+unique("nul")+`"}}]}`).want(200).absent("Operations", 4)
		for i, status := range []string{"404", "404", "404", "201"} {
			a.equal(status, "Operations", i, "status")
		}
	}},
	{"a long filter is refused at once", func(c *client) {
		start := time.Now()
		for _, f := range []string{
			strings.Repeat("not (", 2000) + "userName pr" + strings.Repeat(")", 2000),
			strings.TrimSuffix(strings.Repeat(`userName eq "a" or `, 5000), " or "),
			`userName eq "` + strings.Repeat("a", 100_000) + `"`, strings.Repeat("emails[", 1000), strings.Repeat("a.", 20000),
		} {
			c.do("POST", "/Users/.search", object{"filter": f}).wantError(400, "invalidFilter")
			c.patch("/Users/unknown", op("remove", f)).wantOneOf(400, 404)
		}
		if d := time.Since(start); d > 5*time.Second {
			c.t.Errorf("took %v", d)
		}
	}},
	{"a name given twice in one object is refused", func(c *client) {
		name := unique("twice")
		u, g := c.newUser(object{"title": "T"}), c.newGroup()
		many := ""
		for i := range 40 {
			many += fmt.Sprintf(`"x%d":1,`, i)
		}
		for _, r := range [][3]string{
			{"POST", "/Users", `{"userName":"` + name + `","userName":"` + name + `2"}`},
			{"POST", "/Users", `{"userName":"` + name + `","user\u004eame":"` + name + `2"}`},
			{"POST", "/Users", `{"userName":"` + name + `","name":{"givenName":"a","givenName":"b"}}`},
			{"POST", "/Users", `{"userName":"` + name + `","emails":[{"value":"a@example.com"},{"value":"a","type":"work","value":"b"}]}`},
			{"POST", "/Users", `{` + many + `"userName":"` + name + `","x3":2}`},
			{"PUT", "/Users/" + u.id(), `{"userName":"` + name + `","active":true,"active":false}`},
			{"PATCH", "/Users/" + u.id(), `{"Operations":[{"op":"remove","path":"title"}],"Operations":[]}`},
			{"PATCH", "/Groups/" + g.id(), `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + u.id() + `","value":"x"}]}]}`},
			{"POST", "/Users/.search", `{"filter":"id pr","filter":"title pr"}`},
			{"POST", "/Bulk", `{"Operations":[{"method":"DELETE","method":"POST","path":"/Users/` + u.id() + `"}]}`},
			{"POST", "/Bulk", `{"Operations":[{"method":"POST","bulkId":"q","path":"/Users","data":{"userName":"` + name + `","userName":"x"}}]}`},
		} {
			c.do(r[0], r[1], r[2]).wantError(400, "invalidSyntax")
		}
		c.find("/Users", `userName sw "`+name+`"`).equal(0, "totalResults")
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("T", "title").equal(true, "active")
		c.wantMembers(g.id())
		c.newUser(object{"a": object{"x": 1}, "b": object{"x": 1}, "name": object{"a": 1}}) // each in an object of its own
	}},
	{"parameters given twice are refused", func(c *client) {
		c.do("GET", "/Users?filter=userName%20pr&filter=id%20pr", nil).want(400)
		c.do("GET", "/Users?Filter=userName%20pr&filter=id%20pr", nil).want(400)
	}},
	{"headers and queries beyond reason are answered", func(c *client) {
		u := c.newUser(nil)
		c.do("GET", "/Users", nil, header{"Authorization", "Bearer " + strings.Repeat("x", 20_000)}).want(401)
		c.do("GET", "/Users", nil, header{"Authorization", "Bearer " + c.f.Token + " " + c.f.Token}).want(401)
		c.do("GET", "/Users?x="+strings.Repeat("x", 40_000)+"&count=0", nil).want(200)
		c.do("GET", "/Users?filter="+strings.Repeat("x", 40_000), nil).wantError(400, "invalidFilter")
		two, err := http.NewRequest("GET", c.f.BaseURL+"/Users?count=0", nil)
		if err != nil {
			c.t.Fatal(err)
		}
		two.Header["Authorization"] = []string{"Bearer " + c.f.Token, "Bearer " + c.f.Stranger}
		res, err := c.f.Client.Do(two)
		if err != nil {
			c.t.Fatal(err)
		}
		if err := res.Body.Close(); err != nil || res.StatusCode != 401 {
			c.t.Errorf("two tokens: %d, %v", res.StatusCode, err)
		}
		c.do("GET", "/Users?count=0&"+strings.Repeat("a=b&", 2000), nil).want(200)
		c.do("GET", "/Users?count=1&attributes="+strings.Repeat("userName,", 1000), nil).want(200)
		c.do("GET", "/Users?%zz=1&count=0", nil).want(200)
		c.do("GET", "/Users?count=%zz", nil).want(400)
		for _, path := range []string{"/Users//" + u.id(), "/Users/../Users/" + u.id(), "/Users/%2e%2e%2fGroups", "/Users/" + strings.Repeat("x", 5000), "/Users/a/b/c/d", "/%00"} {
			if a, err := c.try("GET", path, nil); err == nil && a.status != 404 && a.status != 301 && a.status != 307 && a.status != 400 {
				c.t.Errorf("%.60s: status %d", path, a.status)
			}
		}
		c.do("GET", "/Users/"+u.id(), nil, header{"X-HTTP-Method-Override", "DELETE"}).want(200)
		c.do("PATCH", "/Users/"+u.id(), patchOf(op("replace", "title", "T")), header{"If-Match", strings.Repeat(`W/"old",`, 3000) + `W/"older"`}).wantOneOf(412, 400)
		c.do("POST", "/Users", `{"userName":"`+unique("ct")+`"}`, header{"Content-Type", "application/json; charset=\"`"}).want(415)
		c.do("GET", "/Users/"+u.id(), nil).want(200).absent("title")
	}},
	{"odd headers do no harm", func(c *client) {
		u := c.newUser(nil)
		for _, h := range []header{{"If-Match", `"`}, {"If-Match", `W/`}, {"If-Match", `,,,`}, {"If-None-Match", strings.Repeat(`"a",`, 500)}, {"Accept", "text/plain"}} {
			c.do("GET", "/Users/"+u.id(), nil, h).want(200)
		}
	}},
}
