package scim_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim"
)

// instant is a Directory that costs nothing, so that what remains is the protocol.
type instant struct{ scim.Directory }

func sampleUser(i int) scim.User {
	yes := true
	return scim.User{ID: fmt.Sprint("user_", i), UserName: fmt.Sprintf("user%d@example.com", i), Active: &yes,
		Name: &scim.Name{GivenName: "Ann", FamilyName: "Ott"}, DisplayName: "Ann Ott", ExternalID: fmt.Sprint("00u", i),
		Emails: []scim.Plural{{Value: fmt.Sprintf("user%d@example.com", i), Type: "work", Primary: true}},
		Meta:   scim.Meta{Version: "1"}}
}

func (instant) Users(context.Context, scim.Query) (scim.Page[scim.User], error) {
	return scim.Page[scim.User]{Resources: []scim.User{sampleUser(1)}, Total: 1}, nil
}

func (instant) CreateUser(_ context.Context, u scim.User) (scim.User, error) { return u, nil }

func (instant) UpdateUser(_ context.Context, _ string, _ scim.Versions, _ scim.Projection, change func(*scim.User) error) (scim.User, error) {
	u := sampleUser(1)
	return u, change(&u)
}

func (instant) ApplyGroup(context.Context, string, scim.Versions, []scim.GroupOp, scim.Projection) (scim.Group, error) {
	return scim.Group{ID: "g", Meta: scim.Meta{Version: "2"}}, nil
}

func (instant) Group(context.Context, string, scim.Projection) (scim.Group, error) {
	g := scim.Group{ID: "g", DisplayName: "G"}
	for i := range 100_000 {
		g.Members = append(g.Members, scim.Member{Value: fmt.Sprint("user_", i), Type: "User", Display: "Ann Ott"})
	}
	return g, nil
}

func BenchmarkProtocol(b *testing.B) {
	s, err := scim.New(scim.Options{Directory: instant{}, Authenticator: tokens{"secret": true}, BaseURL: "https://example.com/scim/v2"})
	if err != nil {
		b.Fatal(err)
	}
	var thousand strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&thousand, `,{"op":"remove","path":"members[value eq \"user_%d\"]"}`, i)
	}
	for _, bm := range []struct{ name, method, path, body string }{
		{"filter by userName", "GET", "/Users?filter=userName%20eq%20%22ann@example.com%22&startIndex=1&count=100", ""},
		{"create", "POST", "/Users", `{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"ann@example.com","name":{"givenName":"Ann","familyName":"Ott"},"emails":[{"primary":true,"value":"ann@example.com","type":"work"}],"active":true}`},
		{"deactivate", "PATCH", "/Users/u", `{"Operations":[{"op":"Replace","path":"active","value":"False"}]}`},
		{"add a member", "PATCH", "/Groups/g", `{"Operations":[{"op":"add","path":"members","value":[{"value":"user_1"}]}]}`},
		{"remove 1000 members", "PATCH", "/Groups/g", `{"Operations":[` + thousand.String()[1:] + `]}`},
		{"get a group of 100000", "GET", "/Groups/g", ""},
	} {
		b.Run(bm.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequest(bm.method, "/scim/v2"+bm.path, strings.NewReader(bm.body))
				r.Header.Set("Authorization", "Bearer secret")
				w := &discard{header: http.Header{}}
				s.ServeHTTP(w, r)
				if w.status >= 300 {
					b.Fatal(w.status)
				}
			}
		})
	}
}

type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
