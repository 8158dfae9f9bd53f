package scim

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/gatehouse-access/terraform-provider-gatehouse/scim/patch"
)

// FuzzGroupChanges checks that no PATCH of a group panics, and that what it becomes
// names each member once and never an empty name.
func FuzzGroupChanges(f *testing.F) {
	for _, s := range []string{
		`[{"op":"add","path":"members","value":[{"value":"a"},{"value":"a"}]}]`,
		`[{"op":"Remove","path":"members[value eq \"a\" or value eq \"b\"]"}]`,
		`[{"op":"remove","path":"members","value":[{"value":"a"}]},{"op":"remove","path":"members"}]`,
		`[{"op":"replace","value":{"id":"x","displayName":"New"}}]`,
		`[{"op":"replace","path":"members","value":null}]`,
		`[{"op":"remove","path":"members[display co \"a\"]"}]`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := decode(raw)
		if err != nil {
			return
		}
		ops, err := patch.Parse(map[string]any{"Operations": v}, 100)
		if err != nil {
			return
		}
		changes, _, err := groupChanges(ops)
		if err != nil {
			return
		}
		for _, c := range changes {
			if c.Kind == SetDisplayName && c.Text == "" {
				t.Fatalf("%s takes the name away", raw)
			}
			seen := map[string]bool{}
			for _, m := range c.Members {
				if m.Value == "" || seen[m.Value] {
					t.Fatalf("%s names member %q twice, or nobody", raw, m.Value)
				}
				seen[m.Value] = true
			}
			if _, err := c.GroupOp.Normalise(); err != nil && c.matching == nil {
				t.Fatalf("%s becomes a change that the wire refuses: %v", raw, err)
			}
		}
		var refusal *Error
		if _, err := byID(changes, []Member{{Value: "a", Type: "User"}, {Value: "b", Display: "B"}}); err != nil && !errors.As(err, &refusal) {
			t.Errorf("%v is no answer to a client", err)
		}
		if _, err := json.Marshal(changes[:0]); err != nil {
			t.Fatal(err)
		}
	})
}
