package provider

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestAWriteIsRepeatedOnlyOverWhatThePlanWantsToo(t *testing.T) {
	list := func(e ...any) []any { return e }
	for name, c := range map[string]struct {
		live, before, doc map[string]any
		same              bool // nobody's work would be lost
	}{
		"nothing moved":                         {map[string]any{"a": "x"}, map[string]any{"a": "x"}, map[string]any{"a": "y"}, true},
		"moved to what is planned":              {map[string]any{"a": "y"}, map[string]any{"a": "x"}, map[string]any{"a": "y"}, true},
		"moved elsewhere":                       {map[string]any{"a": "z"}, map[string]any{"a": "x"}, map[string]any{"a": "y"}, false},
		"the list lost what the plan drops":     {map[string]any{"l": list("b")}, map[string]any{"l": list("a", "b")}, map[string]any{"l": list("b", "c")}, true},
		"the list lost all that the plan drops": {map[string]any{}, map[string]any{"l": list("a")}, map[string]any{"l": list("c")}, true},
		"the list lost what the plan keeps":     {map[string]any{"l": list("a")}, map[string]any{"l": list("a", "b")}, map[string]any{"l": list("b")}, false},
		"the list won something":                {map[string]any{"l": list("b", "x")}, map[string]any{"l": list("a", "b")}, map[string]any{"l": list("b", "c")}, false},
		"the list was turned round":             {map[string]any{"l": list("b", "a")}, map[string]any{"l": list("a", "b")}, map[string]any{"l": list("c")}, false},
	} {
		t.Run(name, func(t *testing.T) {
			expected := expectedNow(c.live, c.before, c.doc)
			same := true
			for k, v := range expected {
				if !cmp.Equal(v, c.live[k]) {
					same = false
				}
			}
			if same != c.same {
				t.Errorf("expected now %v, is %v: acceptable = %v, want %v", expected, c.live, same, c.same)
			}
		})
	}
}
