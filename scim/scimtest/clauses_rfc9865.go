package scimtest

import (
	"fmt"
	"strings"
)

// cursorClauses are RFC 9865.
var cursorClauses = []clause{
	plain("2", "a request with an empty cursor begins with the first page", by("2 nextCursor leads through all pages and is absent on the last")),
	must("2", "nextCursor is there while pages follow, and not on the last", by("2 nextCursor leads through all pages and is absent on the last")),
	plain("2", "cursors use unreserved characters of URIs only", by("2 nextCursor leads through all pages and is absent on the last")),
	must("2", "no more than count are returned by cursor", shown(func(c *client) {
		tag := unique("cur")
		for range 5 {
			c.newUser(object{"userType": tag})
		}
		for _, n := range []int{1, 2, 5, 50} {
			if got := len(c.find("/Users", `userType eq "`+tag+`"`, fmt.Sprintf("cursor&count=%d", n)).resources()); got > n {
				c.t.Errorf("count=%d: %d", n, got)
			}
		}
	})),
	must("2", "a negative count is 0", shown(func(c *client) {
		c.newUser(nil)
		c.do("GET", "/Users?cursor&count=-3", nil).want(200).equal(0, "itemsPerPage").absent("nextCursor")
	})),
	plain("2", "a count of 0 gives no resources", by("2 count=0 gives the total alone")),
	must("2", "previousCursor is not on the first page", by("2 nextCursor leads through all pages and is absent on the last")),
	plain("2", "totalResults is the number of all matches", by("2 nextCursor leads through all pages and is absent on the last")),
	plain("2", "the page size may change from page to page", shown(func(c *client) {
		tag := unique("cur")
		for range 6 {
			c.newUser(object{"userType": tag})
		}
		seen, cursor := map[string]bool{}, ""
		for _, n := range []int{1, 2, 100} {
			a := c.find("/Users", `userType eq "`+tag+`"`, fmt.Sprintf("count=%d&cursor=%s", n, cursor))
			for _, id := range a.texts("id") {
				if seen[id] {
					c.t.Errorf("%s twice", id)
				}
				seen[id] = true
			}
			cursor, _ = a.at("nextCursor").(string)
		}
		if len(seen) != 6 || cursor != "" {
			c.t.Errorf("%d people, cursor %q", len(seen), cursor)
		}
	})),
	plain("2", "the same query goes with each cursor", by("2.1 a cursor that is not one is invalidCursor")),
	plain("2", "previousCursor leads back where it is given", moot("it is optional and not given")),
	plain("2", "pages neither skip nor repeat what stays", by("2 a resource that goes or comes does not shift the pages")),
	plain("2", "startIndex is absent from a page by cursor", by("4 cursor pagination is advertised, index is the default")),
	should("2.1", "a mistake in the parameters is an error with its scimType", by("2.1 a cursor that is not one is invalidCursor")),
	should("2.1", "a cursor that cannot be read is invalidCursor", by("2.1 a cursor that is not one is invalidCursor")),
	should("2.1", "a cursor that was tampered with is invalidCursor", shown(func(c *client) {
		tag := unique("cur")
		for range 3 {
			c.newUser(object{"userType": tag})
		}
		next := c.find("/Users", `userType eq "`+tag+`"`, "cursor&count=1").at("nextCursor").(string)
		for _, bad := range []string{next[:len(next)/2], strings.Repeat("A", len(next)), "~" + next[1:], next + next, strings.Repeat("x", 6000)} {
			c.find("/Users", `userType eq "`+tag+`"`, "cursor="+bad).wantError(400, "invalidCursor")
		}
	})),
	should("2.1", "a cursor that expired is expiredCursor", elsewhere("`scim.TestExpiredCursorsAreSaidToBe`; the cursors of the product hold no server state and do not expire, so no cursorTimeout is advertised")),
	should("2.1", "a count that is no number is invalidCount", by("2.1 a cursor that is not one is invalidCursor")),
	plain("2.2", "pages by cursor are sorted", by("2 nextCursor leads through all pages and is absent on the last")),
	plain("2.3", "cursors as the only way", moot("pages by index are served as well")),
	must("2.4", "one way is the default where both are served", by("4 cursor pagination is advertised, index is the default")),
	plain("2.4", "index is the default where it was there first", by("4 cursor pagination is advertised, index is the default")),
	plain("2.4", "startIndex together with cursor is refused", by("2.1 a cursor that is not one is invalidCursor")),
	plain("3", ".search takes a cursor in its body", by("3 .search takes a cursor, also over all types")),
	should("4", "the configuration states pagination", by("4 cursor pagination is advertised, index is the default")),
	must("4", "pagination states cursor and index", by("4 cursor pagination is advertised, index is the default")),
	plain("4", "defaultPaginationMethod is what happens without parameters", by("4 cursor pagination is advertised, index is the default")),
	plain("4", "defaultPageSize and maxPageSize are kept", shown(func(c *client) {
		conf := c.do("GET", "/ServiceProviderConfig", nil).want(200)
		most, usual := conf.at("pagination", "maxPageSize").(float64), conf.at("pagination", "defaultPageSize").(float64)
		if n := len(c.do("GET", "/Users?cursor&count=1000000", nil).resources()); n > int(most) {
			c.t.Errorf("%d resources, maxPageSize %v", n, most)
		}
		if n := len(c.do("GET", "/Users", nil).resources()); n > int(usual) {
			c.t.Errorf("%d resources, defaultPageSize %v", n, usual)
		}
	})),
	plain("4", "a cursorTimeout that is advertised is kept", moot("none is advertised, because cursors do not expire")),
	must("5.2", "each page is judged by who asks for it, whoever got the cursor", shown(func(c *client) {
		tag := unique("cur")
		for range 3 {
			c.newUser(object{"userType": tag})
			c.newGroup()
		}
		f := `userType eq "` + tag + `"`
		next := c.find("/Users", f, "cursor&count=1").at("nextCursor").(string)
		for _, other := range []string{c.f.Other, c.f.Stranger} {
			c.as(other).find("/Users", f, "cursor="+next).want(200).equal(0, "totalResults").equal(0, "itemsPerPage").absent("nextCursor")
		}
		c.find("/Users", f, "cursor="+next, "count=10").equal(3, "totalResults").equal(2, "itemsPerPage")
	})),
	should("5.2", "cursors end with the rights of who got them", elsewhere("`internal/server.TestNobodyReachesAnotherWorkspace`; a cursor holds a place in an order and no results, every page and its total are worked out anew with the rights of the moment, and a revoked token is refused")),
	plain("5.2", "a forged cursor is found out", missed("a cursor is tied to its query and not sealed: several servers share no key for it, and it names no more than a place in what the caller may list anyway")),
	must("5.2", "errors do not tell what is there for others", shown(func(c *client) {
		f := `userType eq "` + unique("cur") + `"`
		mine, theirs := c.find("/Users", f, "cursor=AAAA"), c.as(c.f.Stranger).find("/Users", f, "cursor=AAAA")
		mine.wantError(400, "invalidCursor")
		if mine.raw != theirs.raw {
			c.t.Errorf("%s and %s", mine.raw, theirs.raw)
		}
	})),
	plain("5.3", "large results are bounded, paced and for known clients only", by("4 defaultPageSize and maxPageSize are kept", "RFC7644/2/a request without a valid token is 401 with a SCIM body")),
	plain("5", "a cursor reveals nothing to who may not see it, and opens nothing", shown(func(c *client) {
		tag := unique("cur")
		for range 3 {
			c.newUser(object{"userType": tag})
		}
		f := `userType eq "` + tag + `"`
		next := c.find("/Users", f, "cursor&count=1").at("nextCursor").(string)
		if n := len(c.as(c.f.Stranger).find("/Users", f, "cursor="+next).resources()); n != 0 {
			c.t.Errorf("%d people of another workspace", n)
		}
	})),
}
