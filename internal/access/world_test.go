package access

import (
	"net/netip"
	"testing"
	"time"

	"github.com/cedar-policy/cedar-go"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
)

// noon is the moment of every test: a Tuesday.
var noon = time.Date(2025, time.June, 3, 12, 0, 0, 0, time.UTC)

func atNoon() *RequestContext {
	return &RequestContext{Time: noon, IP: netip.MustParseAddr("192.0.2.7"), Country: "HU", DeviceKnown: true, MFAAge: 5 * time.Minute, Authenticator: "webauthn"}
}

func principal(t testing.TB, s string) vocabulary.Principal {
	t.Helper()
	p, err := vocabulary.ParsePrincipal(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func person(t testing.TB, role vocabulary.Role) *Subject {
	t.Helper()
	s := &Subject{Workspace: "acme", Principal: principal(t, "member:ann@example.com"), Role: role, Active: true}
	if role == vocabulary.RoleGuest || role == vocabulary.RoleViewer {
		s.External = true
	}
	return s
}

// granted gives the subject one more grant.
func (s *Subject) granted(path string, g Grant) *Subject {
	if s.Grants == nil {
		s.Grants = map[string][]Grant{}
	}
	if g.ID == "" {
		g.ID = "grnt_" + path
	}
	s.Grants[path] = append(s.Grants[path], g)
	return s
}

func (s *Subject) assigned(role, scope string) *Subject {
	s.Assignments = append(s.Assignments, Assignment{ID: "rasg_" + role + scope, Role: role, Scope: scope})
	return s
}

// tree is a test's items by path.
type tree map[string]Node

func (w tree) item(path string, collections ...string) *Item {
	lookup := func(p string) (Node, bool) { n, ok := w[p]; return n, ok }
	item := &Item{Workspace: "acme", Path: path, Chain: ChainOf(path, lookup)}
	item.Kind = item.Chain[len(item.Chain)-1].Kind
	for _, c := range collections {
		item.Collections = append(item.Collections, ChainOf(c, lookup))
	}
	return item
}

func engine(t testing.TB, set PolicySet) *Engine {
	t.Helper()
	set.Workspace = "acme"
	e, err := New(set)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// expect checks one decision and shows the explanation when it is wrong.
func expect(t *testing.T, e *Engine, s *Subject, item *Item, permission string, want bool) {
	t.Helper()
	if d := e.Check(s, item, permission, atNoon()); d.Allowed != want {
		t.Errorf("allowed is %v, want %v\n%s", d.Allowed, want, e.Explain(s, item, permission, atNoon()))
	}
}

// authorizeAll decides with the policies given instead of the slice.
func authorizeAll(t *testing.T, e *Engine, s *Subject, item *Item, permission string, all slice) bool {
	t.Helper()
	q := question{subject: s, item: item, permission: permission, request: atNoon()}
	a, problem := e.admit(q)
	if problem != "" {
		t.Fatal(problem)
	}
	v, err := viewOf(item)
	if err != nil {
		t.Fatal(err)
	}
	r := resolver{engine: e, subject: s, self: s.Principal.String(), view: v, request: q.request, action: a}
	res := r.resolve()
	world, request := e.world(q, &r, &res, all)
	whole := cedar.NewPolicySet()
	for _, p := range all {
		whole.Add(p.id, p.whole)
	}
	decision, diagnostic := cedar.Authorize(whole, world, request)
	if len(diagnostic.Errors) > 0 {
		t.Fatalf("%+v", diagnostic.Errors)
	}
	return decision == cedar.Allow
}
