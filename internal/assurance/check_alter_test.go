package assurance_test

import (
	"strings"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/assurance/assurancetest"
)

// set changes an attribute of the first object of a kind; a dotted name goes inside.
func set(s *assurance.Snapshot, kind *api.Kind, name string, value any) {
	setOf(s, kind, 0, name, value)
}

func setOf(s *assurance.Snapshot, kind *api.Kind, n int, name string, value any) {
	m := s.Objects[kind.Name].Items[n]
	path := strings.Split(name, ".")
	for _, step := range path[:len(path)-1] {
		m = m[step].(map[string]any)
	}
	m[path[len(path)-1]] = value
}

// add puts another object into the snapshot, with its second count.
func add(s *assurance.Snapshot, kind *api.Kind, docs ...map[string]any) {
	assurancetest.Set(s, kind, append(s.Objects[kind.Name].Items, docs...)...)
}

func none(s *assurance.Snapshot, kind *api.Kind) { assurancetest.Set(s, kind) }

func in(days int) string { return assurancetest.AsOf.AddDate(0, 0, days).Format(time.RFC3339) }

var manual = map[string]any{"kind": "manual"}

type doc = map[string]any

func member(email, role string) doc {
	return assurancetest.Object(api.MemberKind, "mem_"+email, email, doc{"email": email, "workspace_role": role})
}
