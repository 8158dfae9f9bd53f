package provider

import (
	"context"
	"fmt"
	"math/big"
	"regexp"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/booldefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/int64default"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/listdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/mapdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/objectdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/setdefault"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema/stringdefault"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// usage is how an attribute may be written.
type usage struct{ required, optional, computed, writeOnly bool }

func usageOf(f *api.Field) usage {
	switch {
	case f.ReadOnly:
		return usage{computed: true}
	case f.WriteOnly:
		return usage{required: f.Required, optional: !f.Required, writeOnly: true}
	case f.Required:
		return usage{required: true}
	case f.Default != nil, f.Computed:
		return usage{optional: true, computed: true}
	}
	return usage{optional: true}
}

// attributes makes the schema of the fields. Hints are by JSON pointer.
func attributes(at string, fields []api.Field, hints map[string]string) map[string]schema.Attribute {
	out := make(map[string]schema.Attribute, len(fields))
	for i := range fields {
		f := &fields[i]
		here := at + "/" + f.Name
		out[f.Name] = attribute(here, f, fieldRule{field: f, hint: hints[here]}, hints)
	}
	return out
}

func attribute(at string, f *api.Field, rule fieldRule, hints map[string]string) schema.Attribute {
	u, doc := usageOf(f), describe(f)
	var def attr.Value
	if f.Default != nil {
		def = defaultOf(f)
	}
	switch f.Type {
	case api.TypeBool:
		a := schema.BoolAttribute{Required: u.required, Optional: u.optional, Computed: u.computed, WriteOnly: u.writeOnly, MarkdownDescription: doc}
		if def != nil {
			a.Default = booldefault.StaticBool(def.(basetypes.BoolValue).ValueBool())
		}
		return a
	case api.TypeInt:
		a := schema.Int64Attribute{Required: u.required, Optional: u.optional, Computed: u.computed, WriteOnly: u.writeOnly, MarkdownDescription: doc}
		if def != nil {
			a.Default = int64default.StaticInt64(def.(basetypes.Int64Value).ValueInt64())
		}
		if f.Min != nil || f.Max != nil {
			a.Validators = []validator.Int64{rule}
		}
		return a
	case api.TypeMap:
		a := schema.MapAttribute{ElementType: types.StringType, Required: u.required, Optional: u.optional, Computed: u.computed, MarkdownDescription: doc, Validators: []validator.Map{rule}}
		if def != nil {
			a.Default = mapdefault.StaticValue(def.(basetypes.MapValue))
		}
		return a
	case api.TypeObject:
		a := schema.SingleNestedAttribute{Attributes: attributes(at, f.Fields, hints), Required: u.required, Optional: u.optional, Computed: u.computed, MarkdownDescription: doc}
		if def != nil {
			a.Default = objectdefault.StaticValue(def.(basetypes.ObjectValue))
		}
		return a
	case api.TypeList:
		return listAttribute(at, f, u, doc, def, rule, hints)
	}
	a := schema.StringAttribute{Required: u.required, Optional: u.optional, Computed: u.computed, WriteOnly: u.writeOnly, MarkdownDescription: doc, Validators: []validator.String{rule}}
	if f.Format != "" {
		a.CustomType = writtenType{format: f.Format}
	}
	if def != nil {
		a.Default = stringdefault.StaticString(f.Default.(string))
	}
	return a
}

func listAttribute(at string, f *api.Field, u usage, doc string, def attr.Value, rule fieldRule, hints map[string]string) schema.Attribute {
	switch {
	case f.Fields != nil:
		return schema.ListNestedAttribute{
			NestedObject: schema.NestedAttributeObject{Attributes: attributes(at, f.Fields, hints)},
			Required:     u.required, Optional: u.optional, Computed: u.computed, MarkdownDescription: doc, Validators: []validator.List{rule},
		}
	case isSet(f):
		a := schema.SetAttribute{ElementType: types.StringType, Required: u.required, Optional: u.optional, Computed: u.computed, MarkdownDescription: doc, Validators: []validator.Set{rule}}
		if def != nil {
			a.Default = setdefault.StaticValue(def.(basetypes.SetValue))
		}
		return a
	}
	a := schema.ListAttribute{ElementType: types.StringType, Required: u.required, Optional: u.optional, Computed: u.computed, MarkdownDescription: doc, Validators: []validator.List{rule}}
	if def != nil {
		a.Default = listdefault.StaticValue(def.(basetypes.ListValue))
	}
	return a
}

// defaultOf is the attribute's default as a framework value. Defaults are written
// in struct tags; one of the wrong shape is a mistake found by the first test.
func defaultOf(f *api.Field) attr.Value {
	v, err := valueOf(f, withDefaults(f, f.Default), tftypes.Value{})
	if err == nil {
		var out attr.Value
		if out, err = frameworkType(f).ValueFromTerraform(context.Background(), v); err == nil {
			return out
		}
	}
	panic(fmt.Sprintf("provider: the default of %s cannot be used: %v", f.Name, err))
}

// withDefaults fills in the defaults of an object's attributes.
func withDefaults(f *api.Field, j any) any {
	m, ok := j.(map[string]any)
	if f.Type != api.TypeObject || !ok {
		return j
	}
	out := make(map[string]any, len(f.Fields))
	for i := range f.Fields {
		inner := &f.Fields[i]
		if v, given := m[inner.Name]; given {
			out[inner.Name] = v
		} else if inner.Default != nil {
			out[inner.Name] = withDefaults(inner, inner.Default)
		}
	}
	return out
}

// frameworkType is the framework's type of an attribute.
func frameworkType(f *api.Field) attr.Type {
	switch f.Type {
	case api.TypeBool:
		return types.BoolType
	case api.TypeInt:
		return types.Int64Type
	case api.TypeMap:
		return types.MapType{ElemType: types.StringType}
	case api.TypeObject:
		return types.ObjectType{AttrTypes: frameworkTypes(f.Fields)}
	case api.TypeList:
		switch {
		case f.Fields != nil:
			return types.ListType{ElemType: types.ObjectType{AttrTypes: frameworkTypes(f.Fields)}}
		case isSet(f):
			return types.SetType{ElemType: types.StringType}
		}
		return types.ListType{ElemType: types.StringType}
	}
	if f.Format != "" {
		return writtenType{format: f.Format}
	}
	return types.StringType
}

func frameworkTypes(fields []api.Field) map[string]attr.Type {
	out := make(map[string]attr.Type, len(fields))
	for i := range fields {
		out[fields[i].Name] = frameworkType(&fields[i])
	}
	return out
}

// seedIDs are references into the capability list, for those who build Gatehouse.
var seedIDs = regexp.MustCompile(` \((?:(?:[CX]\d{2,3}|M\d{2}|GH-[A-Z]{2}-\d{2})(?:, | to | and )?)+\)`)

// plainDoc is a description for those who use it.
func plainDoc(doc string) string { return seedIDs.ReplaceAllString(doc, "") }

// describe writes what a reader of the documentation needs to know of an attribute.
func describe(f *api.Field) string {
	var b strings.Builder
	b.WriteString(plainDoc(f.Doc))
	add := func(format string, args ...any) { fmt.Fprintf(&b, " "+format, args...) }
	for _, allowed := range [][]string{f.Enum, f.Items, f.Values} {
		if len(allowed) > 0 {
			add("One of `%s`.", strings.Join(allowed, "`, `"))
		}
	}
	switch {
	case f.Min != nil && f.Max != nil:
		add("From %d to %d.", *f.Min, *f.Max)
	case f.Min != nil:
		add("At least %d.", *f.Min)
	case f.Max != nil:
		add("At most %d.", *f.Max)
	}
	if f.Default != nil && f.Type != api.TypeObject {
		add("Default: `%s`.", defaultText(f.Default))
	}
	if f.WriteOnly {
		add("Write-only: it is sent and never stored in plan or state.")
	}
	if f.OwnerOnly {
		add("Only the workspace Owner may change it.")
	}
	if f.Immutable {
		add("A change makes a new object.")
	}
	return b.String()
}

func defaultText(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("%q", v)
	case float64:
		return new(big.Float).SetFloat64(v).Text('f', -1)
	case []any:
		parts := make([]string, len(v))
		for i := range v {
			parts[i] = defaultText(v[i])
		}
		return "[" + strings.Join(parts, ", ") + "]"
	case map[string]any:
		parts := make([]string, 0, len(v))
		for k, e := range v {
			parts = append(parts, k+" = "+defaultText(e))
		}
		sort.Strings(parts)
		return "{ " + strings.Join(parts, ", ") + " }"
	}
	return fmt.Sprint(v)
}
