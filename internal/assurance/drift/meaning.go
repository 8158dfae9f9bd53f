package drift

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// same reports whether two JSON values are two ways of writing the same: in letter
// case, time zone, unit of a duration, order where order says nothing, or absence.
func same(f *api.Field, a, b any) bool {
	return reflect.DeepEqual(meaning(f, a), meaning(f, b))
}

// meaning is the form of a JSON value in which equal meanings are equal.
func meaning(f *api.Field, v any) any {
	v = emptyAsNil(v)
	switch v := v.(type) {
	case string:
		return f.Meaning(v)
	case []any:
		out := make([]any, len(v))
		for i, e := range v {
			if m, ok := e.(map[string]any); ok {
				out[i] = meaningOfObject(f.Fields, m)
			} else {
				out[i] = (&api.Field{Type: api.TypeString, Format: f.Format}).Meaning(fmt.Sprint(e))
			}
		}
		if !f.Ordered && f.Fields == nil {
			slices.SortFunc(out, func(a, b any) int { return strings.Compare(fmt.Sprint(a), fmt.Sprint(b)) })
			out = slices.CompactFunc(out, func(a, b any) bool { return a == b })
		}
		return out
	case map[string]any:
		if f.Fields != nil {
			return meaningOfObject(f.Fields, v)
		}
	case json.Number:
		n, err := v.Float64()
		if err == nil {
			return n
		}
	case bool:
		// An absent flag without a default is false.
		if !v && f.Default == nil {
			return nil
		}
	}
	return v
}

func meaningOfObject(fields []api.Field, m map[string]any) map[string]any {
	out := make(map[string]any, len(m))
	for i := range fields {
		f := &fields[i]
		if v := meaning(f, m[f.Name]); v != nil && !f.ReadOnly && !f.WriteOnly && !f.Computed {
			out[f.Name] = v
		}
	}
	return out
}

// emptyAsNil takes every way of being absent for the same.
func emptyAsNil(v any) any {
	switch e := v.(type) {
	case string:
		if e == "" {
			return nil
		}
	case []any:
		if len(e) == 0 {
			return nil
		}
	case map[string]any:
		if len(e) == 0 {
			return nil
		}
	}
	return v
}

// onlyDefaults reports whether an object says no more than its absence does.
func onlyDefaults(fields []api.Field, m map[string]any) bool {
	for i := range fields {
		f := &fields[i]
		if v, given := m[f.Name]; given && emptyAsNil(v) != nil && !same(f, v, f.Default) {
			return false
		}
	}
	return true
}

// decodeLoosely reads attributes into the kind's type without checking them.
func decodeLoosely(kind *api.Kind, doc map[string]any) (api.Object, error) {
	raw, err := json.Marshal(doc)
	if err != nil {
		return nil, err
	}
	obj := kind.New()
	if err := json.Unmarshal(raw, obj); err != nil {
		return nil, err
	}
	return obj, nil
}
