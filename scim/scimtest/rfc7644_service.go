package scimtest

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

var serviceProtocol = []test{
	{"3.11 /Me is served or 501", func(c *client) {
		c.do("GET", "/Me", nil).wantOneOf(200, 404, 501)
		c.do("POST", "/Me", `{}`).want(501)
	}},
	{"3.12 errors carry status, scimType and detail", func(c *client) {
		a := c.do("POST", "/Users", `{"title":"x"}`).wantError(400, "invalidValue")
		if d, _ := a.at("detail").(string); !strings.Contains(d, "userName") {
			c.t.Errorf("detail %q does not say what is missing", d)
		}
	}},
	{"3.12 bodies that are no resource", func(c *client) {
		for _, b := range []string{``, `null`, `[]`, `"x"`, `5`, `{`, `{"userName":"a"}}`, `{"userName":"a"} {}`, `{"userName":}`} {
			c.do("POST", "/Users", b).wantError(400, "invalidSyntax")
			c.do("PUT", "/Users/unknown", b).wantError(400, "invalidSyntax")
			c.do("PATCH", "/Groups/unknown", b).wantError(400, "invalidSyntax")
		}
	}},
	{"3.13 a query on the tenant URL is ignored", func(c *client) {
		u := c.newUser(nil)
		c.do("GET", "/Users/"+u.id()+"?aadOptscim062020", nil).want(200)
		f := "filter=" + strings.ReplaceAll(`userName%20eq%20%22NAME%22`, "NAME", u.at("userName").(string))
		for _, path := range []string{"/Users?aadOptscim062020&" + f, "/Users?" + f + "&aadOptscim062020", "?aadOptscim062020/Users?" + f} {
			if got := c.do("GET", path, nil).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
				c.t.Errorf("%s: %v", path, got)
			}
		}
		c.do("GET", "?aadOptscim062020/ServiceProviderConfig", nil).want(200).equal(true, "patch", "supported")
	}},
	{"4 discovery endpoints refuse a filter", func(c *client) {
		c.do("GET", `/Schemas?filter=id%20pr`, nil).want(403)
		c.do("GET", `/ResourceTypes?filter=id%20pr`, nil).want(403)
		c.do("GET", `/Schemas?startIndex=2&count=1`, nil).want(200).equal(3, "totalResults")
	}},
	{"7.5.1 answers are not cached", func(c *client) {
		u := c.newUser(nil)
		if h := c.do("GET", "/Users/"+u.id(), nil).header.Get("Cache-Control"); h != "no-store" {
			c.t.Errorf("Cache-Control %q", h)
		}
	}},
}

var cursorProtocol = []test{
	{"4 cursor pagination is advertised, index is the default", func(c *client) {
		a := c.do("GET", "/ServiceProviderConfig", nil).want(200)
		a.equal(true, "pagination", "cursor").equal(true, "pagination", "index").equal("index", "pagination", "defaultPaginationMethod")
		for _, k := range []string{"defaultPageSize", "maxPageSize"} {
			if n, _ := a.at("pagination", k).(float64); n < 1 {
				c.t.Errorf("%s is %v", k, n)
			}
		}
		c.do("GET", "/Users", nil).want(200).equal(1, "startIndex").absent("nextCursor")
	}},
	{"2 nextCursor leads through all pages and is absent on the last", func(c *client) {
		tag := unique("cur")
		var want []string
		for i := range 7 {
			want = append(want, c.newUser(object{"userType": tag, "title": fmt.Sprint(9 - i)}).id())
		}
		f := `userType eq "` + tag + `"`
		for _, order := range []string{"", "&sortBy=title", "&sortBy=title&sortOrder=descending"} {
			got, cursor, pages := []string{}, "", 0
			for {
				a := c.find("/Users", f, "count=3&cursor="+cursor+order)
				got = append(got, a.texts("id")...)
				a.equal(7, "totalResults").absent("startIndex")
				pages++
				next, _ := a.at("nextCursor").(string)
				if next == "" {
					break
				}
				if strings.ContainsFunc(next, func(r rune) bool { return !unreserved(r) }) || pages > 3 {
					c.t.Fatalf("cursor %q on page %d", next, pages)
				}
				cursor = next
			}
			expect := slices.Clone(want)
			if order == "&sortBy=title" {
				slices.Reverse(expect)
			}
			if pages != 3 || (order != "" && !reflect.DeepEqual(got, expect)) || !sameSet(got, want) {
				c.t.Errorf("%q: %d pages, %v, want %v", order, pages, got, expect)
			}
		}
	}},
	{"2 a resource that goes or comes does not shift the pages", func(c *client) {
		tag := unique("cur")
		ids := []string{}
		for range 4 {
			ids = append(ids, c.newUser(object{"userType": tag}).id())
		}
		f := `userType eq "` + tag + `"`
		a := c.find("/Users", f, "count=2&cursor")
		first := a.texts("id")
		c.do("DELETE", "/Users/"+first[1], nil).want(204)
		rest := c.find("/Users", f, "count=2&cursor="+a.at("nextCursor").(string)).texts("id")
		if !sameSet(append(slices.Clone(first), rest...), ids) {
			c.t.Errorf("%v then %v of %v", first, rest, ids)
		}
	}},
	{"2 count=0 gives the total alone", func(c *client) {
		c.newUser(nil)
		c.do("GET", "/Users?cursor&count=0", nil).want(200).equal(0, "itemsPerPage").absent("nextCursor")
	}},
	{"2.1 a cursor that is not one is invalidCursor", func(c *client) {
		tag := unique("cur")
		c.newUser(object{"userType": tag})
		c.newUser(object{"userType": tag})
		next, _ := c.find("/Users", `userType eq "`+tag+`"`, "count=1&cursor").at("nextCursor").(string)
		c.do("GET", "/Users?cursor=nonsense", nil).wantError(400, "invalidCursor")
		c.do("GET", "/Users?cursor="+next, nil).wantError(400, "invalidCursor") // of another query
		c.find("/Groups", `externalId eq "`+tag+`"`, "cursor="+next).wantError(400, "invalidCursor")
		c.do("GET", "/Users?cursor&count=few", nil).wantError(400, "invalidCount")
		c.do("GET", "/Users?cursor&startIndex=1", nil).want(400)
	}},
	{"3 .search takes a cursor, also over all types", func(c *client) {
		tag := unique("cur")
		want := []string{c.newUser(object{"externalId": tag + "1"}).id(), c.newUser(object{"externalId": tag + "2"}).id()}
		for i := 3; i < 5; i++ {
			want = append(want, c.do("POST", "/Groups", object{"displayName": unique("g"), "externalId": fmt.Sprint(tag, i)}).want(201).id())
		}
		got, cursor := []string{}, ""
		for range 10 {
			a := c.do("POST", "/.search", object{"filter": `externalId sw "` + tag + `"`, "cursor": cursor, "count": 1}).want(200)
			got = append(got, a.texts("id")...)
			a.equal(4, "totalResults")
			if cursor, _ = a.at("nextCursor").(string); cursor == "" {
				break
			}
		}
		if !sameSet(got, want) || len(got) != 4 {
			c.t.Errorf("got %v, want %v", got, want)
		}
	}},
}

func unreserved(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-._~", r)
}

func sameSet(a, b []string) bool {
	return reflect.DeepEqual(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}
