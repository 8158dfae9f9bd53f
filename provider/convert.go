package provider

import (
	"fmt"
	"math"
	"math/big"
	"sort"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// The conversion between Terraform values and wire documents is driven by the
// kind's fields alone: an attribute has the name of its JSON field.

// maxSetItems is where a set becomes a list: sets are compared in O(n²) by the
// framework (DESIGN.md section 9).
const maxSetItems = 100

// isSet reports whether the attribute is a set in Terraform.
func isSet(f *api.Field) bool {
	return f.Type == api.TypeList && f.Fields == nil && !f.Ordered && f.MaxItems <= maxSetItems
}

// terraformType is the Terraform type of an attribute.
func terraformType(f *api.Field) tftypes.Type {
	switch f.Type {
	case api.TypeBool:
		return tftypes.Bool
	case api.TypeInt:
		return tftypes.Number
	case api.TypeMap:
		return tftypes.Map{ElementType: tftypes.String}
	case api.TypeObject:
		return objectType(f.Fields)
	case api.TypeList:
		switch {
		case f.Fields != nil:
			return tftypes.List{ElementType: objectType(f.Fields)}
		case isSet(f):
			return tftypes.Set{ElementType: tftypes.String}
		}
		return tftypes.List{ElementType: tftypes.String}
	}
	return tftypes.String
}

func objectType(fields []api.Field) tftypes.Object {
	types := make(map[string]tftypes.Type, len(fields))
	for i := range fields {
		types[fields[i].Name] = terraformType(&fields[i])
	}
	return tftypes.Object{AttributeTypes: types}
}

// attributesOf opens an object value; it is nil for null and unknown ones.
func attributesOf(v tftypes.Value) map[string]tftypes.Value {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var out map[string]tftypes.Value
	if v.As(&out) != nil {
		return nil
	}
	return out
}

func elementsOf(v tftypes.Value) []tftypes.Value {
	if v.IsNull() || !v.IsKnown() {
		return nil
	}
	var out []tftypes.Value
	if v.As(&out) != nil {
		return nil
	}
	return out
}

func stringOf(v tftypes.Value) string {
	var s string
	if v.IsNull() || !v.IsKnown() || v.As(&s) != nil {
		return ""
	}
	return s
}

// unread are the JSON pointers of attributes whose value is not known yet.
type unread []string

// toDocument writes the attributes that a client may set as a wire document.
// Null means absent. What is not known yet is left out and its pointer returned.
func toDocument(fields []api.Field, v tftypes.Value) (map[string]any, unread) {
	return documentFrom(fields, attributesOf(v))
}

// documentFrom is toDocument for attributes; others than the fields' are ignored.
func documentFrom(fields []api.Field, attrs map[string]tftypes.Value) (map[string]any, unread) {
	var missing unread
	doc := documentOf("", fields, attrs, &missing)
	return doc, missing
}

func documentOf(at string, fields []api.Field, attrs map[string]tftypes.Value, missing *unread) map[string]any {
	doc := make(map[string]any, len(fields))
	for i := range fields {
		f := &fields[i]
		v, ok := attrs[f.Name]
		if !ok || f.ReadOnly || v.IsKnown() && v.IsNull() {
			continue
		}
		here := at + "/" + f.Name
		if !v.IsKnown() {
			*missing = append(*missing, here)
			continue
		}
		if j, ok := jsonOf(here, f, v, missing); ok {
			doc[f.Name] = j
		}
	}
	return doc
}

// jsonOf writes one known value. A collection with an element that is not known is
// not known as a whole, so that no index shifts.
func jsonOf(at string, f *api.Field, v tftypes.Value, missing *unread) (any, bool) {
	switch f.Type {
	case api.TypeBool:
		var b bool
		err := v.As(&b)
		return b, err == nil
	case api.TypeInt:
		n := new(big.Float)
		err := v.As(&n)
		x, _ := n.Float64()
		return x, err == nil
	case api.TypeObject:
		return documentOf(at, f.Fields, attributesOf(v), missing), true
	case api.TypeList:
		if !v.IsFullyKnown() && f.Fields == nil {
			*missing = append(*missing, at)
			return nil, false
		}
		elements := elementsOf(v)
		out := make([]any, 0, len(elements))
		for i, e := range elements {
			if f.Fields == nil {
				out = append(out, stringOf(e))
				continue
			}
			if !e.IsKnown() {
				*missing = append(*missing, at)
				return nil, false
			}
			out = append(out, documentOf(fmt.Sprintf("%s/%d", at, i), f.Fields, attributesOf(e), missing))
		}
		return out, true
	case api.TypeMap:
		if !v.IsFullyKnown() {
			*missing = append(*missing, at)
			return nil, false
		}
		entries := attributesOf(v)
		out := make(map[string]any, len(entries))
		for key, e := range entries {
			out[key] = stringOf(e)
		}
		return out, true
	}
	return stringOf(v), true
}

// fromDocument builds the value of an object from a wire document. Where the
// document means what prior says, prior's way of writing stays (letter case, order
// of a list, time zone, "" for absent); prior may be null.
func fromDocument(fields []api.Field, doc map[string]any, prior tftypes.Value) (tftypes.Value, error) {
	attrs, err := valuesOf(fields, doc, attributesOf(prior))
	if err != nil {
		return tftypes.Value{}, err
	}
	return tftypes.NewValue(objectType(fields), attrs), nil
}

func valuesOf(fields []api.Field, doc map[string]any, prior map[string]tftypes.Value) (map[string]tftypes.Value, error) {
	out := make(map[string]tftypes.Value, len(fields))
	for i := range fields {
		f := &fields[i]
		v, err := valueOf(f, doc[f.Name], prior[f.Name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		out[f.Name] = v
	}
	return out, nil
}

func valueOf(f *api.Field, j any, prior tftypes.Value) (tftypes.Value, error) {
	typ := terraformType(f)
	if f.WriteOnly {
		return tftypes.NewValue(typ, nil), nil
	}
	known := prior.Type() != nil && prior.IsKnown() && !prior.IsNull()
	if j == nil {
		if known && isEmpty(prior) {
			return prior, nil
		}
		return tftypes.NewValue(typ, nil), nil
	}
	v, err := fresh(f, typ, j, prior)
	if err != nil {
		return v, err
	}
	switch {
	case known && sameMeaning(f, prior, v):
		return prior, nil
	case !known && f.Default == nil && !f.Required && !f.Computed && !f.ReadOnly && isEmpty(v):
		// The server writes "nothing" as an empty value where the configuration is silent.
		return tftypes.NewValue(typ, nil), nil
	}
	return v, nil
}

// fresh converts a JSON value; nested objects still look at their prior selves.
func fresh(f *api.Field, typ tftypes.Type, j any, prior tftypes.Value) (tftypes.Value, error) {
	wrong := func() (tftypes.Value, error) {
		return tftypes.Value{}, fmt.Errorf("the server sent a %T where a %s is expected", j, f.Type)
	}
	switch f.Type {
	case api.TypeBool:
		b, ok := j.(bool)
		if !ok {
			return wrong()
		}
		return tftypes.NewValue(typ, b), nil
	case api.TypeInt:
		n, ok := j.(float64)
		if !ok || n != math.Trunc(n) {
			return wrong()
		}
		return tftypes.NewValue(typ, new(big.Float).SetInt64(int64(n))), nil
	case api.TypeObject:
		m, ok := j.(map[string]any)
		if !ok {
			return wrong()
		}
		return fromDocument(f.Fields, m, prior)
	case api.TypeMap:
		m, ok := j.(map[string]any)
		if !ok {
			return wrong()
		}
		out := make(map[string]tftypes.Value, len(m))
		for key, e := range m {
			s, ok := e.(string)
			if !ok {
				return wrong()
			}
			out[key] = tftypes.NewValue(tftypes.String, s)
		}
		return tftypes.NewValue(typ, out), nil
	case api.TypeList:
		list, ok := j.([]any)
		if !ok {
			return wrong()
		}
		return freshList(f, typ, list, prior)
	}
	s, ok := j.(string)
	if !ok {
		return wrong()
	}
	return tftypes.NewValue(typ, s), nil
}

func freshList(f *api.Field, typ tftypes.Type, list []any, prior tftypes.Value) (tftypes.Value, error) {
	var before []tftypes.Value
	if prior.Type() != nil {
		before = elementsOf(prior)
	}
	out := make([]tftypes.Value, 0, len(list))
	for i, e := range list {
		if f.Fields == nil {
			s, ok := e.(string)
			if !ok {
				return tftypes.Value{}, fmt.Errorf("the server sent a %T as an element", e)
			}
			out = append(out, tftypes.NewValue(tftypes.String, s))
			continue
		}
		m, ok := e.(map[string]any)
		if !ok {
			return tftypes.Value{}, fmt.Errorf("the server sent a %T as an element", e)
		}
		was := tftypes.NewValue(objectType(f.Fields), nil)
		if i < len(before) {
			was = before[i]
		}
		v, err := fromDocument(f.Fields, m, was)
		if err != nil {
			return tftypes.Value{}, fmt.Errorf("%d: %w", i, err)
		}
		out = append(out, v)
	}
	return tftypes.NewValue(typ, out), nil
}

// isEmpty reports whether a known value says nothing: "", [] or {}.
func isEmpty(v tftypes.Value) bool {
	typ := v.Type()
	switch {
	case typ.Is(tftypes.String):
		return stringOf(v) == ""
	case typ.Is(tftypes.List{}), typ.Is(tftypes.Set{}):
		return len(elementsOf(v)) == 0
	case typ.Is(tftypes.Map{}):
		return len(attributesOf(v)) == 0
	}
	return false
}

func sortedStrings(list []any) {
	sort.Slice(list, func(i, j int) bool {
		a, _ := list[i].(string)
		b, _ := list[j].(string)
		return a < b
	})
}
