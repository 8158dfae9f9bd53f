package provider

import (
	"reflect"
	"slices"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// sameMeaning reports whether two known values are two ways of writing the same:
// in letter case, time zone, unit of a duration, or order where order says nothing.
func sameMeaning(f *api.Field, a, b tftypes.Value) bool {
	if a.IsNull() || b.IsNull() || !a.IsFullyKnown() || !b.IsFullyKnown() {
		return a.Equal(b)
	}
	if a.Equal(b) {
		return true
	}
	if f.Type == api.TypeMap {
		return sameMap(f, attributesOf(a), attributesOf(b))
	}
	var none unread
	ja, _ := jsonOf("", f, a, &none)
	jb, _ := jsonOf("", f, b, &none)
	return reflect.DeepEqual(meaning(f, ja), meaning(f, jb))
}

// sameMap compares maps without building a second form of each: they may be large.
func sameMap(f *api.Field, a, b map[string]tftypes.Value) bool {
	if len(a) != len(b) {
		return false
	}
	for key, v := range a {
		w, ok := b[key]
		if !ok {
			w, ok = b[canonical(f.KeyFormat, key)]
		}
		if !ok || !v.Equal(w) {
			return false
		}
	}
	return true
}

// meaning is the form of a JSON value in which equal meanings are equal.
func meaning(f *api.Field, j any) any {
	switch v := j.(type) {
	case string:
		return f.Meaning(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			if m, ok := e.(map[string]any); ok {
				out[i] = meaningOfObject(f.Fields, m)
			} else if s, ok := e.(string); ok {
				out[i] = (&api.Field{Type: api.TypeString, Format: f.Format}).Meaning(s)
			}
		}
		if !f.Ordered {
			sortedStrings(out)
			out = slices.CompactFunc(out, func(a, b any) bool { return a == b })
		}
		return out
	case map[string]any:
		if f.Type == api.TypeObject {
			return meaningOfObject(f.Fields, v)
		}
	}
	return j
}

func meaningOfObject(fields []api.Field, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for i := range fields {
		f := &fields[i]
		if v, ok := m[f.Name]; ok && !emptyJSON(v) {
			out[f.Name] = meaning(f, v)
		}
	}
	return out
}

func emptyJSON(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// keepWriting returns planned with every part that means what state says written
// the way state writes it, so that a difference in letters is no change.
func keepWriting(fields []api.Field, planned, state map[string]tftypes.Value) map[string]tftypes.Value {
	out := make(map[string]tftypes.Value, len(planned))
	for name, v := range planned {
		out[name] = v
	}
	for i := range fields {
		f := &fields[i]
		p, s := planned[f.Name], state[f.Name]
		if p.Type() == nil || s.Type() == nil || p.IsNull() || s.IsNull() || !p.IsKnown() || !s.IsKnown() {
			continue
		}
		switch {
		case sameMeaning(f, p, s):
			out[f.Name] = s
		case f.Type == api.TypeObject:
			out[f.Name] = tftypes.NewValue(p.Type(), keepWriting(f.Fields, attributesOf(p), attributesOf(s)))
		}
	}
	return out
}
