package scimtest

import (
	"fmt"
	"reflect"
	"sync"
	"testing"
)

// patchCase is one PATCH of a user: what it has, what is sent, what remains.
type patchCase struct {
	name   string
	have   object
	ops    array
	want   object // attributes afterwards; nil for absent ones
	status int    // 200 if zero
	kind   string
}

func op(verb, path string, value ...any) object {
	o := object{"op": verb}
	if path != "" {
		o["path"] = path
	}
	if len(value) > 0 {
		o["value"] = value[0]
	}
	return o
}

func email(value, kind string, primary ...bool) object {
	o := object{"value": value}
	if kind != "" {
		o["type"] = kind
	}
	if len(primary) > 0 {
		o["primary"] = primary[0]
	}
	return o
}

var (
	work, home = email("w@example.com", "work", true), email("h@example.com", "home")
	both       = array{work, home}
)

var patchCases = []patchCase{
	// RFC 7644 §3.5.2.1
	{name: "3.5.2.1 add sets a simple attribute", ops: array{op("add", "title", "A")}, want: object{"title": "A"}},
	{name: "3.5.2.1 add replaces a simple attribute", have: object{"title": "A"}, ops: array{op("add", "title", "B")}, want: object{"title": "B"}},
	{name: "3.5.2.1 add without path merges the object", have: object{"title": "A", "name": object{"familyName": "F"}},
		ops:  array{op("add", "", object{"nickName": "N", "name": object{"givenName": "G"}})},
		want: object{"title": "A", "nickName": "N", "name": object{"familyName": "F", "givenName": "G"}}},
	{name: "3.5.2.1 add sets a sub-attribute", ops: array{op("add", "name.givenName", "G")}, want: object{"name": object{"givenName": "G"}}},
	{name: "3.5.2.1 add appends to a multi-valued attribute", have: object{"emails": array{work}},
		ops: array{op("add", "emails", array{home})}, want: object{"emails": both}},
	{name: "3.5.2.1 add of a value that is there changes nothing", have: object{"emails": both},
		ops: array{op("add", "emails", array{work, home})}, want: object{"emails": both}},
	{name: "3.5.2.1 add takes one value without its list", ops: array{op("add", "emails", home)}, want: object{"emails": array{home}}},
	{name: "3.5.2.1 add needs a value", ops: array{op("add", "title")}, status: 400, kind: "invalidValue"},
	{name: "3.5.2 a new primary replaces the old", have: object{"emails": both}, ops: array{op("add", "emails", array{email("n@example.com", "other", true)})},
		want: object{"emails": array{email("w@example.com", "work"), home, email("n@example.com", "other", true)}}},
	{name: "3.5.2.1 add with a value filter changes the match", have: object{"emails": both},
		ops: array{op("add", `emails[type eq "home"].display`, "Home")}, want: object{"emails": array{work, object{"value": "h@example.com", "type": "home", "display": "Home"}}}},
	{name: "3.5.2.1 add with a value filter creates what does not match", ops: array{op("add", `emails[type eq "work"].value`, "n@example.com")},
		want: object{"emails": array{email("n@example.com", "work")}}},
	{name: "3.5.2.1 add cannot create from a filter that is no equality", ops: array{op("add", `emails[type ne "work"].value`, "n@example.com")},
		status: 400, kind: "noTarget"},
	{name: "3.5.2.1 add of an extension attribute", ops: array{op("add", enterpriseURN+":department", "Tools")},
		want: object{enterpriseURN: object{"department": "Tools"}}},

	// RFC 7644 §3.5.2.2
	{name: "3.5.2.2 remove unassigns a simple attribute", have: object{"title": "A"}, ops: array{op("remove", "title")}, want: object{"title": nil}},
	{name: "3.5.2.2 remove of what is not there is fine", ops: array{op("remove", "title"), op("remove", "emails"), op("remove", "name.givenName")}, want: object{"title": nil, "name": nil}},
	{name: "3.5.2.2 remove unassigns a sub-attribute", have: object{"name": object{"givenName": "G", "familyName": "F"}},
		ops: array{op("remove", "name.givenName")}, want: object{"name": object{"familyName": "F"}}},
	{name: "3.5.2.2 remove empties a multi-valued attribute", have: object{"emails": both}, ops: array{op("remove", "emails")}, want: object{"emails": nil}},
	{name: "3.5.2.2 remove with a value filter removes the matches", have: object{"emails": both},
		ops: array{op("remove", `emails[type eq "home"]`)}, want: object{"emails": array{work}}},
	{name: "3.5.2.2 remove of the last value unassigns", have: object{"emails": array{home}},
		ops: array{op("remove", `emails[type eq "home" and value ew "example.com"]`)}, want: object{"emails": nil}},
	{name: "3.5.2.2 remove of a sub-attribute of a match", have: object{"emails": array{object{"value": "h@example.com", "type": "home", "display": "H"}}},
		ops: array{op("remove", `emails[value eq "h@example.com"].display`)}, want: object{"emails": array{home}}},
	{name: "3.5.2.2 remove of the value removes the element", have: object{"emails": both},
		ops: array{op("remove", `emails[type eq "home"].value`)}, want: object{"emails": array{work}}},
	{name: "3.5.2.2 remove with a value array removes only those", have: object{"emails": both},
		ops: array{op("remove", "emails", array{object{"value": "H@example.com"}})}, want: object{"emails": array{work}}},
	{name: "3.5.2.2 remove needs a path", ops: array{op("remove", "")}, status: 400, kind: "noTarget"},
	{name: "3.5.2.2 a required attribute cannot be removed", ops: array{op("remove", "userName")}, status: 400, kind: "mutability"},
	{name: "3.5.2.2 a read-only attribute cannot be removed", ops: array{op("remove", "id")}, status: 400, kind: "mutability"},
	{name: "3.5.2.2 remove of an extension", have: object{enterpriseURN: object{"department": "T"}}, ops: array{op("remove", enterpriseURN)}, want: object{enterpriseURN: nil}},

	// RFC 7644 §3.5.2.3
	{name: "3.5.2.3 replace sets what is not there", ops: array{op("replace", "title", "A")}, want: object{"title": "A"}},
	{name: "3.5.2.3 replace without path replaces each attribute", have: object{"title": "A", "nickName": "N", "emails": both},
		ops: array{op("replace", "", object{"title": "B", "emails": array{home}})}, want: object{"title": "B", "nickName": "N", "emails": array{home}}},
	{name: "3.5.2.3 replace of a complex attribute keeps what is not named", have: object{"name": object{"givenName": "G", "familyName": "F"}},
		ops: array{op("replace", "name", object{"givenName": "H"})}, want: object{"name": object{"givenName": "H", "familyName": "F"}}},
	{name: "3.5.2.3 replace sets the whole list", have: object{"emails": both}, ops: array{op("replace", "emails", array{home})}, want: object{"emails": array{home}}},
	{name: "3.5.2.3 replace with null or nothing unassigns", have: object{"title": "A", "emails": both},
		ops: array{op("replace", "title", nil), op("replace", "emails", array{})}, want: object{"title": nil, "emails": nil}},
	{name: "3.5.2.3 replace of a sub-attribute of every value", have: object{"emails": both}, ops: array{op("replace", "emails.display", "E")},
		want: object{"emails": array{object{"value": "w@example.com", "type": "work", "primary": true, "display": "E"}, object{"value": "h@example.com", "type": "home", "display": "E"}}}},
	{name: "3.5.2.3 replace of a sub-attribute of the match", have: object{"emails": both}, ops: array{op("replace", `emails[type eq "home"].value`, "x@example.com")},
		want: object{"emails": array{work, email("x@example.com", "home")}}},
	{name: "3.5.2.3 replace of the matching value", have: object{"emails": both}, ops: array{op("replace", `emails[type eq "home"]`, object{"value": "x@example.com"})},
		want: object{"emails": array{work, email("x@example.com", "home")}}},
	{name: "3.5.2.3 replace without a match is noTarget", have: object{"emails": array{work}}, ops: array{op("replace", `emails[type eq "home"].value`, "x")}, status: 400, kind: "noTarget"},
	{name: "3.5.2.3 a required attribute cannot become empty", ops: array{op("replace", "userName", "")}, status: 400, kind: "mutability"},
	{name: "3.5.2.3 active cannot become nothing", ops: array{op("replace", "active", nil)}, status: 400, kind: "invalidValue"},

	// RFC 7644 §3.5.2 and §3.12
	{name: "3.5.2 operations apply in order", ops: array{op("add", "title", "A"), op("remove", "title"), op("add", "title", "B"), op("replace", "title", "C")}, want: object{"title": "C"}},
	{name: "3.5.2 all operations or none", have: object{"title": "A"}, ops: array{op("replace", "title", "B"), op("replace", "shoeSize", 1)},
		want: object{"title": "A"}, status: 400, kind: "invalidPath"},
	{name: "3.5.2 a read-only attribute named by path is refused", ops: array{op("replace", "groups", array{})}, status: 400, kind: "mutability"},
	{name: "3.5.2 read-only attributes without path are ignored", ops: array{op("replace", "", object{"id": "x", "meta": object{}, "title": "A"})}, want: object{"title": "A"}},
	{name: "3.12 an unknown operation", ops: array{op("move", "title", "A")}, status: 400, kind: "invalidSyntax"},
	{name: "3.12 a malformed path", ops: array{op("add", `emails[type eq`, "A")}, status: 400, kind: "invalidPath"},
	{name: "3.12 a path with an unknown sub-attribute", ops: array{op("add", "name.shoeSize", "A")}, status: 400, kind: "invalidPath"},
	{name: "3.12 a value of the wrong type", ops: array{op("add", "title", object{"a": 1})}, status: 400, kind: "invalidValue"},
	{name: "3.12 no operations", ops: array{}, status: 400, kind: "invalidSyntax"},
}

// patchTests are the cases as tests.
func patchTests() []test {
	out := make([]test, len(patchCases))
	for i, tt := range patchCases {
		out[i] = test{tt.name, tt.run}
	}
	return out
}

func (tt patchCase) run(c *client) {
	u := c.newUser(tt.have)
	a := c.do("PATCH", "/Users/"+u.id(), object{"schemas": array{patchURN}, "Operations": tt.ops})
	if tt.status == 0 {
		a.want(200)
	} else {
		a.wantError(tt.status, tt.kind)
	}
	now := c.do("GET", "/Users/"+u.id(), nil).want(200)
	for k, v := range tt.want {
		if !reflect.DeepEqual(now.at(k), v) {
			c.t.Errorf("%s is %v, want %v", k, now.at(k), v)
		}
	}
}

var patchProtocol = []test{
	{"3.5.2 a PATCH that changes nothing leaves the version", func(c *client) {
		u := c.newUser(object{"title": "A"})
		c.patch("/Users/"+u.id(), op("replace", "title", "A")).want(200).equal(u.at("meta", "version"), "meta", "version")
		g := c.newGroup(u.id())
		a := c.patch("/Groups/"+g.id(), op("add", "members", refs(u.id())))
		if a.want(204).header.Get("ETag") != g.header.Get("ETag") {
			c.t.Error("adding a member twice changed the version")
		}
	}},
	{"3.5.2 unknown resource", func(c *client) {
		c.patch("/Users/unknown", op("replace", "title", "A")).want(404)
		c.patch("/Groups/unknown", op("replace", "displayName", "A")).want(404)
		c.patch("/Groups/unknown", op("add", "members", refs("x"))).want(404)
	}},
	{"3.5.2 members of a group", groupPatches},
	{"3.5.2 a thousand member operations in one PATCH", func(c *client) {
		ids := c.newUsers(50)
		g := c.newGroup()
		var ops []object
		for i := range 1000 {
			id := ids[i%50]
			if i < 500 {
				ops = append(ops, op("add", "members", refs(id)))
			} else {
				ops = append(ops, op("remove", fmt.Sprintf(`members[value eq "%s"]`, id)))
			}
		}
		ops = append(ops, op("add", "members", refs(ids[0])))
		c.patch("/Groups/"+g.id(), ops...).want(204)
		c.wantMembers(g.id(), ids[0])
	}},
	{"3.5.2 parallel PATCHes of one group lose nothing", func(c *client) {
		const clients, each = 8, 4
		ids := c.newUsers(clients * each)
		g := c.newGroup()
		var wg sync.WaitGroup
		failures := make(chan string, clients*each)
		for i := range clients {
			wg.Go(func() {
				for _, id := range ids[i*each : (i+1)*each] {
					a, err := c.try("PATCH", "/Groups/"+g.id(), patchOf(op("add", "members", refs(id))))
					if err != nil || a.status != 204 {
						failures <- fmt.Sprintf("%v %+v", err, a)
					}
				}
			})
		}
		wg.Wait()
		close(failures)
		for f := range failures {
			c.t.Error(f)
		}
		c.wantMembers(g.id(), ids...)
	}},
	{"3.5.2 parallel PATCHes of one user lose nothing", func(c *client) {
		u := c.newUser(nil)
		attributes := []string{"title", "nickName", "displayName", "userType", "locale", "timezone", "name.givenName", "name.familyName"}
		var wg sync.WaitGroup
		for _, name := range attributes {
			wg.Go(func() {
				if a, err := c.try("PATCH", "/Users/"+u.id(), patchOf(op("replace", name, "x"))); err != nil || a.status != 200 {
					c.t.Errorf("%v %+v", err, a)
				}
			})
		}
		wg.Wait()
		a := c.do("GET", "/Users/"+u.id(), nil).want(200)
		for _, name := range attributes[:6] {
			a.equal("x", name)
		}
		a.equal("x", "name", "givenName").equal("x", "name", "familyName")
	}},
}

func groupPatches(c *client) {
	ids := c.newUsers(4)
	one := func(i int) string { return fmt.Sprintf(`members[value eq "%s"]`, ids[i]) }
	for _, tt := range []struct {
		name   string
		have   []int
		ops    []object
		want   []int
		status int
		kind   string
	}{
		{"add one", []int{0}, []object{op("add", "members", refs(ids[1]))}, []int{0, 1}, 204, ""},
		{"add a single object", nil, []object{op("add", "members", object{"value": ids[1]})}, []int{1}, 204, ""},
		{"add twice", []int{0}, []object{op("add", "members", refs(ids[0], ids[1], ids[1]))}, []int{0, 1}, 204, ""},
		{"add without path", []int{0}, []object{op("add", "", object{"members": refs(ids[1])})}, []int{0, 1}, 204, ""},
		{"add by $ref alone", nil, []object{op("add", "members", array{object{"$ref": c.f.BaseURL + "/Users/" + ids[2]}})}, []int{2}, 204, ""},
		{"remove by filter", []int{0, 1}, []object{op("remove", one(0))}, []int{1}, 204, ""},
		{"remove by filter of several", []int{0, 1, 2}, []object{op("remove", fmt.Sprintf(`members[value eq "%s" or value eq "%s"]`, ids[0], ids[2]))}, []int{1}, 204, ""},
		{"remove by type", []int{0, 1}, []object{op("add", "members", refs(ids[2])), op("remove", `members[type eq "User"]`), op("add", "members", refs(ids[3]))}, []int{3}, 204, ""},
		{"remove who is not in", []int{0}, []object{op("remove", one(3))}, []int{0}, 204, ""},
		{"remove all", []int{0, 1}, []object{op("remove", "members")}, nil, 204, ""},
		{"remove an empty list removes nobody", []int{0, 1}, []object{op("remove", "members", array{})}, []int{0, 1}, 204, ""},
		{"replace", []int{0, 1}, []object{op("replace", "members", refs(ids[1], ids[2]))}, []int{1, 2}, 204, ""},
		{"replace with nobody", []int{0, 1}, []object{op("replace", "members", array{})}, nil, 204, ""},
		{"replace without path", []int{0}, []object{op("replace", "", object{"members": refs(ids[3])})}, []int{3}, 204, ""},
		{"in order", []int{0}, []object{op("add", "members", refs(ids[1])), op("remove", "members"), op("add", "members", refs(ids[2]))}, []int{2}, 204, ""},
		{"atomic", []int{0}, []object{op("add", "members", refs(ids[1])), op("add", "members", refs("nobody"))}, []int{0}, 400, "invalidValue"},
		{"no value", []int{0}, []object{op("add", "members", array{object{"display": "x", "type": "User"}})}, []int{0}, 400, "invalidValue"},
		{"a member cannot change", []int{0}, []object{op("replace", one(0)+".value", ids[1])}, []int{0}, 400, "mutability"},
		{"unknown attribute", []int{0}, []object{op("replace", "colour", "x")}, []int{0}, 400, "invalidPath"},
		{"the name is required", []int{0}, []object{op("remove", "displayName")}, []int{0}, 400, "mutability"},
	} {
		c.t.Run(tt.name, func(t *testing.T) {
			c := &client{t, c.f}
			pick := func(idx []int) []string {
				out := []string{}
				for _, i := range idx {
					out = append(out, ids[i])
				}
				return out
			}
			g := c.newGroup(pick(tt.have)...)
			a := c.patch("/Groups/"+g.id(), tt.ops...)
			if tt.kind != "" {
				a.wantError(tt.status, tt.kind)
			} else {
				a.want(tt.status)
			}
			c.wantMembers(g.id(), pick(tt.want)...)
		})
	}
}
