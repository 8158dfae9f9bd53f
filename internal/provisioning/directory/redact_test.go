package directory_test

import (
	"strings"
	"testing"
)

// TestNoEventKeepsAPassword: identity providers send passwords in many forms, which the
// directory does not take; none is kept, whatever becomes of the request.
func TestNoEventKeepsAPassword(t *testing.T) {
	const secret = "hunter2-Zq9"
	each(t, func(t *testing.T, b *bridge) {
		id := b.join(t, "ann@example.com")
		for _, r := range [][3]string{
			{"POST", "/Users", `{"userName":"bob@example.com","password":"` + secret + `"}`},
			{"POST", "/Users", `{"userName":"bob@example.com","PassWord":"` + secret + `"}`},
			{"POST", "/Users", `{"userName":"cem@example.com","urn:ietf:params:scim:schemas:core:2.0:User:password":"` + secret + `"}`},
			{"PUT", "/Users/" + id, `{"userName":"ann@example.com","password":"` + secret + `","title":"T"}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","path":"password","value":"` + secret + `"},{"op":"replace","path":"title","value":"A"}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"Add","path":"PASSWORD","value":"` + secret + `"},{"op":"replace","path":"title","value":"B"}]}`},
			{"PATCH", "/Users/" + id, `{"operations":[{"op":"replace","path":"urn:ietf:params:scim:schemas:core:2.0:User:password","value":"` + secret + `"}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","value":{"password":"` + secret + `","title":"C"}}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User:password":"` + secret + `"}}]}`},
			{"PATCH", "/Users/" + id, `{"Operations":[{"op":"replace","value":{"urn:ietf:params:scim:schemas:core:2.0:User":{"password":"` + secret + `"}}}]}`},
			{"PATCH", "/Users/nobody", `{"Operations":[{"op":"replace","path":"password","value":"` + secret + `"}]}`},
			{"POST", "/Bulk", bulk("POST", []string{"/Users"}, `{"userName":"dan@example.com","password":"`+secret+`"}`)},
			{"POST", "/Bulk", bulk("PATCH", []string{"/Users/" + id}, `{"Operations":[{"op":"replace","path":"password","value":"`+secret+`"},{"op":"replace","path":"title","value":"D"}]}`)},
			{"POST", "/Bulk", bulk("PATCH", []string{"/Users/nobody"}, `{"Operations":[{"op":"replace","path":"password","value":"`+secret+`"}]}`)},
			{"GET", "/Users?filter=password+eq+%22" + secret + "%22", ""},
			{"POST", "/Users/.search", `{"schemas":["urn:ietf:params:scim:api:messages:2.0:SearchRequest"],"filter":"password eq \"` + secret + `\""}`},
		} {
			status := b.status(t, r[0], r[1], r[2])
			if where := b.tablesWith(t, secret); len(where) > 0 {
				t.Errorf("%s %s %s (%d): the password is in %s", r[0], r[1], r[2], status, strings.Join(where, ", "))
				return
			}
		}
	})
}
