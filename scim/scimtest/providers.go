package scimtest

import (
	"fmt"
	"reflect"
	"strings"
)

// providers is what identity providers send and what they must get, one test per
// row. The bodies follow the public documentation of each.
var providers = []test{
	{"Okta looks a user up by userName", func(c *client) {
		u := c.newUser(object{"active": false})
		find := func(name string) *answer {
			return c.find("/Users", `userName eq "`+name+`"`, "startIndex=1&count=100")
		}
		name := u.at("userName").(string)
		for _, n := range []string{name, strings.ToUpper(name)} { // any case, inactive too
			if got := find(n).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
				c.t.Errorf("%s: %v", n, got)
			}
		}
		a := find("isvtest@example.com")
		if !strings.Contains(a.raw, `"Resources":[]`) {
			c.t.Errorf("no empty Resources: %s", a.raw)
		}
		a.equal(0, "totalResults").equal(1, "startIndex").equal(0, "itemsPerPage")
	}},
	{"Okta imports users page by page", func(c *client) {
		c.newUsers(3)
		one, two := c.do("GET", "/Users?startIndex=1&count=2", nil), c.do("GET", "/Users?startIndex=1&count=2", nil)
		if !reflect.DeepEqual(one.texts("id"), two.texts("id")) {
			c.t.Error("the order is not stable")
		}
		one.equal(2, "itemsPerPage").equal(1, "startIndex")
	}},
	{"Okta creates a user with password and empty groups", func(c *client) {
		name := unique("okta") + "@example.com"
		body := object{
			"schemas": array{userURN}, "userName": name, "name": object{"givenName": "Test", "familyName": "User"},
			"emails":      array{object{"primary": true, "value": name, "type": "work"}},
			"displayName": "Test User", "locale": "en-US", "externalId": unique("00ujl29u0le5T6Aj10h7"),
			"groups": array{}, "password": "1mz050nq", "active": true,
		}
		a := c.do("POST", "/Users", body).want(201).equal(name, "userName").equal(true, "active").equal("Test", "name", "givenName")
		if a.id() == "" {
			c.t.Error("no id")
		}
		c.do("POST", "/Users", body).wantError(409, "uniqueness")
	}},
	{"Okta custom app gets a user and puts the whole of it", func(c *client) {
		u := c.newUser(object{"name": object{"givenName": "A"}, "externalId": unique("x")})
		g := c.newGroup(u.id())
		whole := c.do("GET", "/Users/"+u.id(), nil).want(200).body
		whole["name"] = object{"givenName": "Another", "familyName": "User"}
		a := c.do("PUT", "/Users/"+u.id(), whole).want(200)
		a.equal("Another", "name", "givenName").equal(u.id(), "id").equal(g.id(), "groups", 0, "value")
		whole = a.body
		whole["active"] = false
		c.do("PUT", "/Users/"+u.id(), whole).want(200).equal(false, "active").equal(g.id(), "groups", 0, "value")
	}},
	{"Okta custom app gets a group and puts the whole of it", func(c *client) {
		ids := c.newUsers(2)
		g := c.newGroup(ids[0])
		whole := c.do("GET", "/Groups/"+g.id(), nil).want(200).body
		whole["members"] = array{object{"value": ids[0], "display": "a"}, object{"value": ids[1], "display": "b"}}
		a := c.do("PUT", "/Groups/"+g.id(), whole).want(200)
		if n := len(a.at("members").([]any)); n != 2 {
			c.t.Errorf("%d members in the answer", n)
		}
		c.wantMembers(g.id(), ids...)
	}},
	{"Okta catalogue app deactivates without path", func(c *client) {
		u := c.newUser(nil)
		c.do("PATCH", "/Users/"+u.id(), `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"replace","value":{"active":false}}]}`).
			wantOneOf(200, 204)
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal(false, "active")
	}},
	{"Okta pushes a group", func(c *client) {
		ids := c.newUsers(3)
		g := c.do("POST", "/Groups", object{"schemas": array{groupURN}, "displayName": unique("Test SCIMv2"), "members": array{}}).want(201)
		path, next := "/Groups/"+g.id(), unique("Renamed")
		c.patch(path, op("replace", "", object{"id": g.id(), "displayName": next})).wantOneOf(200, 204)
		c.do("GET", path, nil).want(200).equal(next, "displayName")
		c.patch(path, op("add", "members", array{object{"value": ids[0], "display": "a"}, object{"value": ids[1], "display": "b"}})).wantOneOf(200, 204)
		c.patch(path, op("remove", fmt.Sprintf(`members[value eq "%s"]`, ids[0])),
			op("add", "members", array{object{"value": ids[2], "display": "c"}})).wantOneOf(200, 204)
		c.wantMembers(g.id(), ids[1], ids[2])
		c.patch(path, op("replace", "members", array{object{"value": ids[0], "display": "a"}, object{"value": ids[2]}})).wantOneOf(200, 204)
		c.wantMembers(g.id(), ids[0], ids[2])
		if got := c.find("/Groups", `displayName eq "`+next+`"`, "startIndex=1&count=100").texts("id"); !reflect.DeepEqual(got, []string{g.id()}) {
			c.t.Errorf("look-up: %v", got)
		}
		c.do("DELETE", path, nil).want(204)
	}},
	{"Okta with a bad token gets a SCIM error", func(c *client) {
		c.do("GET", "/Users?startIndex=1&count=2", nil, header{"Authorization", "Bearer bad"}).want(401).equal("401", "status")
	}},
	{"Okta rehires: one person, one identity", func(c *client) {
		u := c.newUser(object{"active": false})
		name := u.at("userName").(string)
		a := c.do("POST", "/Users", object{"userName": name, "active": true, "title": "Again"}).wantOneOf(201, 409)
		if a.status == 201 && a.id() != u.id() {
			c.t.Errorf("a second identity: %s and %s", u.id(), a.id())
		}
		if a.status == 201 {
			c.do("GET", "/Users/"+u.id(), nil).want(200).equal(true, "active").equal("Again", "title")
		}
		if n := len(c.find("/Users", `userName eq "`+name+`"`).resources()); n != 1 {
			c.t.Errorf("%d users of that name", n)
		}
	}},
	{"Entra tests the connection with a random user and group", func(c *client) {
		c.find("/Users", `userName eq "6f9619ff-8b86-d011-b42d-00cf4fc964ff"`).equal(0, "totalResults").resources()
		c.find("/Groups", `displayName eq "6f9619ff-8b86-d011-b42d-00cf4fc964ff"`, "excludedAttributes=members").equal(0, "totalResults").resources()
	}},
	{"Entra matches by externalId, work e-mail and both", func(c *client) {
		ext, mail := unique("ext"), unique("mail")+"@example.com"
		u := c.newUser(object{"externalId": ext, "emails": array{email(mail, "work", true)}})
		for _, f := range []string{
			`externalId eq "` + ext + `"`, `emails[type eq "work"].value eq "` + mail + `"`,
			`emails[type eq "work"].value eq "` + mail + `" and externalId eq "` + ext + `"`,
			`userName eq "` + u.at("userName").(string) + `" and active eq "True"`,
		} {
			if got := c.find("/Users", f).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
				c.t.Errorf("%s: %v", f, got)
			}
		}
	}},
	{"Entra creates a user with meta, empty roles and string booleans", func(c *client) {
		name := unique("entra") + "@example.com"
		a := c.do("POST", "/Users", object{
			"schemas": array{userURN, enterpriseURN}, "externalId": unique("0a21f0f2"), "userName": name, "active": "True",
			"emails": array{object{"primary": true, "type": "work", "value": name}}, "meta": object{"resourceType": "User"},
			"name": object{"formatted": "given family", "familyName": "family", "givenName": "given"}, "roles": array{},
		}).want(201)
		a.equal(true, "active").absent("roles").equal("family", "name", "familyName")
		b := c.newUser(object{"roles": array{object{"primary": "True", "type": "WindowsAzureActiveDirectoryRole", "value": "Admin"}}})
		b.equal(true, "roles", 0, "primary").equal("Admin", "roles", 0, "value")
	}},
	{"Entra disables a user", func(c *client) {
		for _, o := range []object{
			{"op": "Replace", "path": "active", "value": "False"}, {"op": "replace", "path": "active", "value": false},
			{"op": "Replace", "path": "Active", "value": array{object{"value": "False"}}}, {"op": "Replace", "value": object{"active": "False"}},
		} {
			u := c.newUser(nil)
			c.patch("/Users/"+u.id(), o).want(200).equal(false, "active")
		}
	}},
	{"Entra updates attributes in its dialects", func(c *client) {
		boss := c.newUser(nil).id()
		u := c.newUser(nil)
		path := "/Users/" + u.id()
		c.patch(path,
			object{"op": "Add", "path": `emails[type eq "work"].value`, "value": "new@example.com"},
			object{"op": "Add", "path": "name.givenName", "value": "G"},
			object{"op": "Add", "path": `phoneNumbers[type eq "mobile"].value`, "value": "1"},
			object{"op": "Add", "path": `roles[primary eq "True"].value`, "value": "Admin"},
			object{"op": "Add", "path": enterpriseURN + ":department", "value": "Tools"},
			object{"op": "Replace", "path": strings.ToUpper(enterpriseURN) + ":manager", "value": boss},
		).want(200).equal("new@example.com", "emails", 0, "value").equal("work", "emails", 0, "type").equal("G", "name", "givenName").
			equal("Admin", "roles", 0, "value").equal(true, "roles", 0, "primary").
			equal("Tools", enterpriseURN, "department").equal(boss, enterpriseURN, "manager", "value")
		c.patch(path, object{"op": "Replace", "value": object{ // dotted and qualified keys without a path
			"name.familyName": "F", `emails[type eq "work"].value`: "newer@example.com", enterpriseURN + ":division": "D",
			enterpriseURN: object{"costCenter": "C"}, "displayName": "Disp",
		}}).want(200).equal("F", "name", "familyName").equal("G", "name", "givenName").equal("newer@example.com", "emails", 0, "value").
			equal("D", enterpriseURN, "division").equal("C", enterpriseURN, "costCenter").equal("Tools", enterpriseURN, "department").equal("Disp", "displayName")
		c.patch(path, object{"op": "Add", "path": enterpriseURN, "value": object{"organization": "O"}}).want(200).equal("O", enterpriseURN, "organization")
		c.patch(path, object{"op": "Remove", "path": `emails[type eq "work"].value`}).want(200).absent("emails")
	}},
	{"Entra sets and removes the manager in every form", func(c *client) {
		boss := c.newUser(nil).id()
		u := c.newUser(object{enterpriseURN: object{"manager": boss}})
		u.equal(boss, enterpriseURN, "manager", "value")
		set := func(v any) *answer {
			return c.patch("/Users/"+u.id(), op("replace", enterpriseURN+":manager", v)).want(200)
		}
		for _, none := range []any{"", nil, object{"value": ""}, object{"value": nil}, array{}} {
			set(none).absent(enterpriseURN)
			for _, some := range []any{boss, object{"value": boss}, array{object{"$ref": nil, "value": boss}}, object{"value": boss, "displayName": "x"}} {
				set(some).equal(boss, enterpriseURN, "manager", "value")
			}
		}
		c.patch("/Users/"+u.id(), op("Remove", enterpriseURN+":manager")).want(200).absent(enterpriseURN)
		c.patch("/Users/"+u.id(), op("Add", enterpriseURN+":manager.value", boss)).want(200).equal(boss, enterpriseURN, "manager", "value")
	}},
	{"Entra creates a group with a foreign schema and no members", func(c *client) {
		name := unique("Entra group")
		body := object{"schemas": array{groupURN, "http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"},
			"externalId": unique("8aa1a0c0"), "displayName": name, "meta": object{"resourceType": "Group"},
			"http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group": object{"x": "y"}}
		c.do("POST", "/Groups", body).want(201).equal(groupURN, "schemas", 0).absent("schemas", 1).equal(name, "displayName")
		body["externalId"] = unique("8aa1a0c0")
		c.do("POST", "/Groups", body).wantError(409, "uniqueness")
	}},
	{"Entra reads groups without members", func(c *client) {
		g := c.newGroup(c.newUsers(2)...)
		f := `displayName eq "` + g.at("displayName").(string) + `"`
		c.find("/Groups", f, "excludedAttributes=members").equal(1, "totalResults").equal(g.id(), "Resources", 0, "id").absent("Resources", 0, "members")
		c.do("GET", "/Groups/"+g.id()+"?excludedAttributes=members", nil).want(200).absent("members").equal(g.at("displayName"), "displayName")
	}},
	{"Entra adds members", func(c *client) {
		ids := c.newUsers(2)
		g := c.newGroup(ids[0])
		c.patch("/Groups/"+g.id(), object{"op": "Add", "path": "members", "value": array{object{"$ref": nil, "value": ids[1]}}}).want(204)
		c.wantMembers(g.id(), ids...)
	}},
	{"Entra removes members: only those", func(c *client) {
		ids := c.newUsers(4)
		g := c.newGroup(ids...)
		c.patch("/Groups/"+g.id(), object{"op": "Remove", "path": "members", "value": array{object{"$ref": nil, "value": ids[0]}}}).want(204)
		c.wantMembers(g.id(), ids[1:]...)
		c.patch("/Groups/"+g.id(), object{"op": "remove", "path": `members[value eq "` + ids[1] + `"]`}).want(204)
		c.wantMembers(g.id(), ids[2:]...)
		c.patch("/Groups/"+g.id(), object{"op": "Remove", "path": "members", "value": array{object{"value": "unknown"}}}).want(204)
		c.wantMembers(g.id(), ids[2:]...)
	}},
	{"Entra renames a group", func(c *client) {
		g, name := c.newGroup(), unique("New name")
		c.patch("/Groups/"+g.id(), object{"op": "Replace", "path": "displayName", "value": name}, object{"op": "Add", "path": "externalId", "value": name}).want(204)
		c.do("GET", "/Groups/"+g.id(), nil).want(200).equal(name, "displayName").equal(name, "externalId")
	}},
	{"DELETE of what is unknown, or twice, is 404", func(c *client) {
		u := c.newUser(nil)
		c.do("DELETE", "/Users/"+u.id(), nil).want(204)
		c.do("DELETE", "/Users/"+u.id(), nil).want(404)
		c.do("DELETE", "/Groups/unknown", nil).want(404)
	}},
	{"a PATCH of many operations is sequential and atomic", func(c *client) {
		u := c.newUser(object{"title": "A"})
		ops := []object{}
		for i := range 100 {
			ops = append(ops, op("replace", "title", fmt.Sprint(i)))
		}
		c.patch("/Users/"+u.id(), ops...).want(200).equal("99", "title")
		c.patch("/Users/"+u.id(), append(ops, op("replace", "userName", nil))...).wantError(400, "mutability")
		c.do("GET", "/Users/"+u.id(), nil).want(200).equal("99", "title")
	}},
	{"JumpCloud probes and sends the SCIM 1 schema", func(c *client) {
		c.do("GET", "/ServiceProviderConfig", nil).want(200)
		c.do("GET", "/ServiceProviderConfig/", nil).want(200)
		name := unique("jc")
		u := c.do("POST", "/Users", object{"schemas": array{"urn:scim:schemas:core:1.0"}, "userName": name, "active": true}).want(201)
		u.equal(userURN, "schemas", 0).absent("schemas", 1)
		c.do("PUT", "/Users/"+u.id(), object{"schemas": array{"urn:scim:schemas:core:1.0"}, "userName": name, "title": "T"}).want(200).equal("T", "title")
		c.do("POST", "/Users", object{"userName": unique("noschemas")}).want(201)
	}},
	{"OneLogin and Rippling remove members as Entra does", func(c *client) {
		ids := c.newUsers(3)
		g := c.newGroup(ids...)
		c.patch("/Groups/"+g.id(), op("remove", "members", array{object{"value": ids[0]}}), op("remove", "members", object{"value": ids[1]})).want(204)
		c.wantMembers(g.id(), ids[2])
	}},
	{"Ping and Rippling filter from templates", func(c *client) {
		u := c.newUser(nil)
		name := u.at("userName").(string)
		for _, f := range []string{`userName Eq "` + name + `"`, `(userName eq "` + name + `")`, ` userName  eq  "` + name + `" `,
			`userName eq "` + name + `" or emails.value eq "` + name + `"`, userURN + `:userName eq "` + name + `"`} {
			if got := c.find("/Users", f).texts("id"); !reflect.DeepEqual(got, []string{u.id()}) {
				c.t.Errorf("%s: %v", f, got)
			}
		}
	}},
}
