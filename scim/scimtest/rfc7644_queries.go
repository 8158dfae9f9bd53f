package scimtest

import (
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

var queryProtocol = []test{
	{"3.4.2 no match is 200 with an empty list", func(c *client) {
		a := c.find("/Users", `userName eq "nobody@example.com"`)
		if len(a.resources()) != 0 {
			c.t.Errorf("found somebody")
		}
		a.equal(0, "totalResults").equal(1, "startIndex").equal(0, "itemsPerPage")
	}},
	{"3.4.2.1 the root lists all resource types", func(c *client) {
		tag := unique("root")
		u, g := c.newUser(object{"externalId": tag}), c.do("POST", "/Groups", object{"displayName": unique("g"), "externalId": tag}).want(201)
		both := fmt.Sprintf(`externalId eq "%s"`, tag)
		ids := func(a *answer) []string { return a.texts("id") }
		if got := ids(c.find("", both)); !reflect.DeepEqual(got, []string{u.id(), g.id()}) {
			c.t.Errorf("got %v", got)
		}
		if got := ids(c.find("/", both+` and meta.resourceType eq "Group"`)); !reflect.DeepEqual(got, []string{g.id()}) {
			c.t.Errorf("by type: got %v", got)
		}
		if got := ids(c.find("/", both+` and userName pr`)); !reflect.DeepEqual(got, []string{u.id()}) {
			c.t.Errorf("an attribute that groups lack has no value: got %v", got)
		}
		a := c.do("POST", "/.search", object{"schemas": array{searchURN}, "filter": both, "startIndex": 2, "count": 1}).want(200)
		a.equal(2, "totalResults").equal(1, "itemsPerPage").equal(g.id(), "Resources", 0, "id")
		if got := ids(c.find("/", both, "sortBy=displayName", "sortOrder=descending")); !reflect.DeepEqual(got, []string{u.id(), g.id()}) {
			c.t.Errorf("sorted: got %v", got)
		}
	}},
	{"3.4.2.1 each result across types says what it is", func(c *client) {
		tag := unique("what")
		c.newUser(object{"externalId": tag})
		c.do("POST", "/Groups", object{"displayName": unique("g"), "externalId": tag}).want(201)
		for _, r := range c.find("/", `externalId eq "`+tag+`"`, "attributes=externalId,meta").resources() {
			if dig(r, "schemas", 0) == nil || dig(r, "meta", "resourceType") == nil {
				c.t.Errorf("%v does not say what it is", r)
			}
		}
	}},
	{"3.4.2.2 every operator", filters},
	{"3.4.2.2 filters on memberships", func(c *client) {
		ids := c.newUsers(2)
		g := c.newGroup(ids[0])
		other := c.newGroup(ids[1])
		for _, f := range []string{`members.value eq "%s"`, `members eq "%s"`, `members[value eq "%s"]`, `id pr and members[type eq "User" and value eq "%s"]`} {
			if got := c.find("/Groups", fmt.Sprintf(f, ids[0])).texts("id"); !reflect.DeepEqual(got, []string{g.id()}) {
				c.t.Errorf("%s: %v", f, got)
			}
		}
		if got := c.find("/Groups", fmt.Sprintf(`id eq "%s" and members eq "%s"`, other.id(), ids[0])).texts("id"); len(got) != 0 {
			c.t.Errorf("not a member: %v", got)
		}
		if got := c.find("/Users", fmt.Sprintf(`groups.value eq "%s"`, g.id())).texts("id"); !reflect.DeepEqual(got, ids[:1]) {
			c.t.Errorf("by group: %v", got)
		}
	}},
	{"3.4.2.2 an invalid filter is 400 invalidFilter", func(c *client) {
		for _, f := range []string{
			`userName`, `userName eq`, `userName xx "a"`, `eq "a"`, `userName eq "a`, `userName eq a`, `(userName eq "a"`,
			`userName eq "a" and`, `userName eq "a" userName eq "b"`, `not userName eq "a"`, `emails[type eq "work"`,
			`emails[type eq "work"].value`, `favouriteColour eq "blue"`, `active gt true`, `active eq "maybe"`, `name eq "x"`,
			`meta.created gt "yesterday"`, `password eq "x"`, `userName eq true`, `userName gt null`, `emails[value[type eq "a"]]`,
			strings.Repeat("(", 500) + `userName pr` + strings.Repeat(")", 500), `userName eq "a` + "\x00" + `"`,
		} {
			c.find("/Users", f).wantOneOf(400)
			if k := c.do("POST", "/Users/.search", object{"filter": f}).want(400).at("scimType"); k != "invalidFilter" && k != "invalidSyntax" {
				c.t.Errorf("%.60s: scimType %v", f, k)
			}
		}
	}},
	{"3.4.2.2 a value that was URL-encoded twice is found", func(c *client) {
		u := c.newUser(nil)
		name := u.at("userName").(string)
		twice := url.QueryEscape(url.PathEscape(`userName eq "` + name + `"`))
		if got := c.do("GET", "/Users?filter="+twice, nil).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
			c.t.Errorf("the filter twice: %v", got)
		}
		if got := c.find("/Users", `userName eq "`+strings.ReplaceAll(name, "@", "%40")+`"`).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
			c.t.Errorf("the value twice: %v", got)
		}
	}},
	{"3.4.2.2 quotes, backslashes and \\u escapes in values", func(c *client) {
		odd := unique(`Ann "The \ Ö" O'Neil; --`)
		u := c.newUser(object{"displayName": odd})
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, `Ö`, `\u00d6`).Replace(odd)
		if got := c.find("/Users", `displayName eq "`+quoted+`"`).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
			c.t.Errorf("got %v", got)
		}
		if got := c.find("/Users", `displayName sw "Ann \"The %" or displayName eq "_nn%"`).texts("id"); len(got) != 0 {
			c.t.Errorf("wildcards of a query language matched: %v", got)
		}
	}},
	{"3.4.2.2 a semicolon does not lose the filter", func(c *client) {
		c.newUser(nil)
		if got := c.do("GET", `/Users?filter=userName%20eq%20%22a;b%22`, nil).texts("id"); len(got) != 0 {
			c.t.Errorf("the filter was dropped: %v", got)
		}
	}},
	{"3.4.2.3 sort, in any case, unassigned last", func(c *client) {
		tag := unique("sort")
		for _, t := range []string{"banana", "Apple", "", "cherry"} {
			c.newUser(object{"userType": tag, "title": t, "displayName": "x" + t})
		}
		f := fmt.Sprintf(`userType eq "%s"`, tag)
		for order, want := range map[string][]string{
			"sortBy=title":                                                      {"Apple", "banana", "cherry", ""},
			"sortBy=TITLE&sortOrder=descending":                                 {"", "cherry", "banana", "Apple"},
			"sortBy=" + userURN + ":title":                                      {"Apple", "banana", "cherry", ""},
			"sortBy=title&sortOrder=ascending&count=2&startIndex=2":             {"banana", "cherry"},
			"sortBy=meta.created&sortOrder=ascending&attributes=title,userName": {"banana", "Apple", "", "cherry"},
		} {
			if got := c.find("/Users", f, order).texts("title"); !reflect.DeepEqual(got, want) {
				c.t.Errorf("%s: %v, want %v", order, got, want)
			}
		}
		c.do("GET", "/Users?sortBy=shoeSize", nil).wantError(400, "invalidValue") // table 9: invalidPath is for PATCH
		c.do("GET", "/Users?sortBy=groups", nil).wantError(400, "invalidValue")   // memberships have no order
		c.do("GET", "/Groups?sortBy=members.value", nil).wantError(400, "invalidValue")
		c.do("GET", "/Users?sortBy=title&sortOrder=sideways", nil).wantError(400, "invalidValue")
	}},
	{"3.4.2.3 a multi-valued attribute sorts by its primary value", func(c *client) {
		tag := unique("sort")
		mk := func(first, primary string) string {
			return c.newUser(object{"userType": tag, "emails": array{
				object{"value": first}, object{"value": primary, "primary": true}}}).id()
		}
		b, a := mk("a@example.com", "z@example.com"), mk("y@example.com", "b@example.com")
		if got := c.find("/Users", `userType eq "`+tag+`"`, "sortBy=emails").texts("id"); !reflect.DeepEqual(got, []string{a, b}) {
			c.t.Errorf("got %v, want %v", got, []string{a, b})
		}
	}},
	{"3.4.2.4 index pagination is exact and stable", func(c *client) {
		tag := unique("page")
		var want []string
		for range 7 {
			want = append(want, c.newUser(object{"userType": tag}).id())
		}
		f := `userType eq "` + tag + `"`
		var got []string
		for start := 1; start <= 7; start += 3 {
			a := c.find("/Users", f, fmt.Sprintf("startIndex=%d&count=3", start))
			got = append(got, a.texts("id")...)
			a.equal(7, "totalResults").equal(start, "startIndex").equal(min(3, 8-start), "itemsPerPage")
		}
		slices.Sort(want)
		sorted := slices.Sorted(slices.Values(got))
		if !reflect.DeepEqual(sorted, want) {
			c.t.Errorf("got %v, want %v", got, want)
		}
		c.find("/Users", f, "startIndex=0&count=2").equal(1, "startIndex").equal(2, "itemsPerPage")
		c.find("/Users", f, "startIndex=-5&count=-1").equal(0, "itemsPerPage").equal(7, "totalResults")
		c.find("/Users", f, "count=0").equal(0, "itemsPerPage").equal(7, "totalResults")
		c.find("/Users", f, "startIndex=100").equal(0, "itemsPerPage").equal(7, "totalResults")
		c.find("/Users", f, "startIndex=99999999999999999999&count=99999999999999999999").equal(7, "totalResults")
		c.find("/Users", f, "startIndex=two").want(400)
		c.find("/Users", f, "count=1.5").want(400)
	}},
	{"3.4.2.5 attributes and excludedAttributes", projections},
	{"3.4.3 .search takes the same in a body", func(c *client) {
		tag := unique("search")
		for _, t := range []string{"b", "a", "c"} {
			c.newUser(object{"userType": tag, "title": t, "nickName": "n"})
		}
		a := c.do("POST", "/Users/.search", object{"schemas": array{searchURN}, "filter": `userType eq "` + tag + `"`,
			"attributes": array{"title"}, "sortBy": "title", "sortOrder": "descending", "startIndex": 2, "count": 1}).want(200)
		a.equal(3, "totalResults").equal(1, "itemsPerPage").equal("b", "Resources", 0, "title").absent("Resources", 0, "nickName")
		c.do("POST", "/Users/.search", object{"excludedAttributes": array{"title"}, "filter": `userType eq "` + tag + `"`}).want(200).
			equal("n", "Resources", 0, "nickName").absent("Resources", 0, "title")
		c.do("POST", "/Groups/.search", object{"count": 0}).want(200)
		c.do("POST", "/Users/.search", object{"filter": 5}).wantOneOf(400)
		c.do("POST", "/Users/.search", `[]`).wantError(400, "invalidSyntax")
	}},
}

func filters(c *client) {
	tag := unique("f")
	ann := c.newUser(object{
		"userType": tag, "userName": "Ann." + tag + "@example.com", "externalId": "X-" + tag, "displayName": "Ann", "title": "Tour Guide",
		"name": object{"familyName": "O'Malley"}, "active": true,
		"emails":      array{object{"value": "ann@work." + tag, "type": "work", "primary": true}, object{"value": "ann@home." + tag, "type": "home"}},
		enterpriseURN: object{"department": "Sales", "employeeNumber": "7"},
	})
	bob := c.newUser(object{
		"userType": tag, "userName": "bob." + tag + "@example.com", "displayName": "Bob", "active": false,
		"emails": array{object{"value": "bob@home." + tag, "type": "home"}}, enterpriseURN: object{"department": "Ops"},
	})
	name := map[string]string{ann.id(): "ann", bob.id(): "bob"}
	for _, tt := range []struct{ filter, want string }{
		{`userName eq "ANN.` + tag + `@EXAMPLE.com"`, "ann"},
		{`USERNAME EQ "ann.` + tag + `@example.com"`, "ann"},
		{userURN + `:userName eq "ann.` + tag + `@example.com"`, "ann"},
		{strings.ToUpper(userURN) + `:userName eq "ann.` + tag + `@example.com"`, "ann"},
		{`userName ne "ann.` + tag + `@example.com"`, "bob"},
		{`userName co "NN.` + tag + `"`, "ann"},
		{`userName sw "BOB"`, "bob"},
		{`userName ew "example.COM"`, "ann bob"},
		{`externalId eq "X-` + tag + `"`, "ann"},
		{`externalId eq "x-` + tag + `"`, ""}, // case exact
		{`id eq "` + bob.id() + `"`, "bob"},
		{`displayName gt "Ann"`, "bob"}, {`displayName ge "ann"`, "ann bob"},
		{`displayName lt "bob"`, "ann"}, {`displayName le "BOB"`, "ann bob"},
		{`title pr`, "ann"}, {`not (title pr)`, "bob"}, {`not(title pr)`, "bob"}, {`title ne "Boss"`, "ann bob"},
		{`title eq null`, "bob"}, {`title ne null`, "ann"}, {`name pr`, "ann"}, {`emails pr`, "ann bob"},
		{`active eq true`, "ann"}, {`active eq False`, "bob"}, {`active eq "False"`, "bob"}, {`active ne "true"`, "bob"},
		{`name.familyName co "O'MALLEY"`, "ann"},
		{`emails eq "ann@home.` + tag + `"`, "ann"}, {`emails co "@home.` + tag + `"`, "ann bob"},
		{`emails.value sw "bob@"`, "bob"}, {`emails.type eq "work"`, "ann"}, {`emails.type ne "work"`, "bob"},
		{`emails[type eq "work" and value co "@work"]`, "ann"},
		{`emails[type eq "work" and value co "@home"]`, ""}, // one value must satisfy both
		{`emails[type eq "work"].value eq "ann@work.` + tag + `"`, "ann"},
		{`emails[type eq "home"].value eq "ann@work.` + tag + `"`, ""},
		{`emails[type eq "work"].value ne "ann@work.` + tag + `"`, "bob"},
		{`emails[not (type eq "home")]`, "ann"}, {`emails[primary eq "True"]`, "ann"}, {`emails[type eq "work"].value pr`, "ann"},
		{`emails[primary eq true].value eq "ann@work.` + tag + `"`, "ann"},
		{enterpriseURN + `:department eq "sales"`, "ann"},
		{strings.ToLower(enterpriseURN) + `:employeeNumber eq 7`, "ann"},
		{`userName sw "ann" and ` + enterpriseURN + `:department eq "Sales"`, "ann"},
		{`title pr and active eq false or displayName eq "bob"`, "bob"},         // and binds tighter
		{`title pr and (active eq false or displayName eq "ann")`, "ann"},       // unless grouped
		{`(title pr or active eq false) and not (displayName eq "bob")`, "ann"}, //
		{`meta.created gt "2011-05-13T04:42:34Z"`, "ann bob"},                   //
		{`meta.lastModified lt "2011-05-13T04:42:34.123+02:00"`, ""},            //
		{`meta.created eq "` + ann.at("meta", "created").(string) + `" and title pr`, "ann"},
		{`meta.resourceType eq "User"`, "ann bob"}, {`meta.resourceType eq "Group"`, ""},
		{`schemas eq "` + userURN + `"`, "ann bob"}, {`schemas eq "` + groupURN + `"`, ""},
		{`meta.version eq "` + strings.ReplaceAll(bob.header.Get("ETag"), `"`, `\"`) + `"`, "bob"},
	} {
		var got []string
		for _, id := range c.find("/Users", `userType eq "`+tag+`" and (`+tt.filter+`)`).texts("id") {
			got = append(got, name[id])
		}
		slices.Sort(got)
		if strings.Join(got, " ") != tt.want {
			c.t.Errorf("%s: got %v, want %q", tt.filter, got, tt.want)
		}
	}
}

func projections(c *client) {
	u := c.newUser(object{"displayName": "Ann", "title": "Engineer", "name": object{"givenName": "Ann", "familyName": "Ott"},
		"emails": array{object{"value": "a@example.com", "type": "work"}}, enterpriseURN: object{"department": "Tools", "division": "D"}})
	g := c.newGroup(u.id())
	user, group := "/Users/"+u.id(), "/Groups/"+g.id()
	keys := func(a *answer) string {
		out := []string{}
		for k := range a.want(200).body {
			if k != "id" && k != "schemas" { // returned: always
				out = append(out, k)
			}
		}
		if a.id() == "" || a.at("schemas", 0) == nil {
			c.t.Errorf("%s: id or schemas is missing", a.what)
		}
		slices.Sort(out)
		return strings.Join(out, " ")
	}
	for query, want := range map[string]string{
		"attributes=userName":                              "userName",
		"attributes=USERNAME,%20displayName":               "displayName userName",
		"attributes=" + userURN + ":title":                 "title",
		"attributes=unknown":                               "",
		"attributes=meta":                                  "meta",
		"attributes=" + enterpriseURN + ":department":      enterpriseURN,
		"attributes=" + enterpriseURN:                      enterpriseURN,
		"excludedAttributes=id,schemas,active,groups,meta": "displayName emails name title " + enterpriseURN + " userName",
		"excludedAttributes=" + enterpriseURN + ",active,groups,meta,emails,name.givenName": "displayName name title userName",
	} {
		if got := keys(c.do("GET", user+"?"+query, nil)); got != want {
			c.t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	c.do("GET", user+"?attributes=name.givenName,emails.value", nil).equal("Ann", "name", "givenName").absent("name", "familyName").
		equal("a@example.com", "emails", 0, "value").absent("emails", 0, "type")
	c.do("GET", user+"?excludedAttributes=name.givenName,emails.type", nil).absent("name", "givenName").equal("Ott", "name", "familyName").
		absent("emails", 0, "type")
	c.do("GET", user+"?attributes="+enterpriseURN+":division", nil).equal("D", enterpriseURN, "division").absent(enterpriseURN, "department")
	c.do("GET", group+"?excludedAttributes=members", nil).want(200).absent("members").equal(g.at("displayName"), "displayName")
	c.do("GET", group+"?attributes=members.value", nil).want(200).equal(u.id(), "members", 0, "value").absent("members", 0, "type").absent("displayName")
	c.do("POST", "/Users?attributes=userName", object{"userName": unique("u"), "title": "x"}).want(201).absent("title")
	c.do("PATCH", user+"?attributes=title", patchOf(object{"op": "replace", "path": "title", "value": "Boss"})).want(200).
		equal("Boss", "title").absent("displayName")
	c.do("PATCH", group+"?attributes=displayName", patchOf(object{"op": "remove", "path": "members"})).want(200).
		equal(g.at("displayName"), "displayName").absent("members")
}
