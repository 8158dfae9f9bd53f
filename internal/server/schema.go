package server

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// schemaName names a published type. Types of the wire contract and of this door keep
// their names; those of other rooms carry the room's, so that two may share a word.
func schemaName(t reflect.Type, hint string) string {
	name := huma.DefaultSchemaNamer(t, hint)
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	room := path.Base(t.PkgPath())
	if t.PkgPath() == "" || room == "api" || room == "server" {
		return name
	}
	return strings.ToUpper(room[:1]) + room[1:] + name
}

// schemaOf publishes a Go type in the OpenAPI document and refers to it.
func (s *Server) schemaOf(v any) *huma.Schema {
	t := reflect.TypeOf(v)
	return s.api.OpenAPI().Components.Schemas.Schema(t, true, t.Name())
}

// kindSchema publishes a kind. It is built from the kind's own description, not by
// reflection on the type, so that defaults, bounds and secrets are as they are checked.
func (s *Server) kindSchema(k *api.Kind) *huma.Schema {
	name := k.Type().Name()
	schemas := s.api.OpenAPI().Components.Schemas.Map()
	if schemas[name] == nil {
		schema := objectSchema(k.Fields())
		schema.Description = k.Doc
		meta := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[api.Meta](), false, "Meta")
		for _, p := range []string{"id", "key", "etag", "managed_by", "created_at", "updated_at"} {
			prop := *meta.Properties[p]
			prop.ReadOnly = true
			schema.Properties[p] = &prop
		}
		schemas[name] = schema
	}
	return &huma.Schema{Ref: "#/components/schemas/" + name}
}

func pageOf(item *huma.Schema) *huma.Schema {
	return &huma.Schema{Type: "object", Required: []string{"items"}, Properties: map[string]*huma.Schema{
		"items":       {Type: "array", Items: item},
		"next_cursor": {Type: "string", Description: "Pass as ?cursor= for the next page; absent on the last."},
	}}
}

func objectSchema(fields []api.Field) *huma.Schema {
	out := &huma.Schema{Type: "object", Properties: map[string]*huma.Schema{}, AdditionalProperties: false}
	for i := range fields {
		f := &fields[i]
		out.Properties[f.Name] = fieldSchema(f)
		if f.Required {
			out.Required = append(out.Required, f.Name)
		}
	}
	return out
}

func fieldSchema(f *api.Field) *huma.Schema {
	out := &huma.Schema{Description: f.Doc, ReadOnly: f.ReadOnly, WriteOnly: f.WriteOnly, Default: f.Default}
	number := func(n *int64) *float64 {
		if n == nil {
			return nil
		}
		v := float64(*n)
		return &v
	}
	switch f.Type {
	case api.TypeString:
		out.Type, out.Format, out.Enum = "string", f.Format, enumOf(append(slices.Clone(f.Enum), f.Output...))
		out.MaxLength = &f.MaxLength
	case api.TypeTime:
		out.Type, out.Format = "string", "date-time"
	case api.TypeBool:
		out.Type = "boolean"
	case api.TypeInt:
		out.Type, out.Minimum, out.Maximum = "integer", number(f.Min), number(f.Max)
	case api.TypeList:
		out.Type, out.MaxItems = "array", &f.MaxItems
		out.Items = &huma.Schema{Type: "string", Format: f.Format, Enum: enumOf(f.Items)}
		if f.Fields != nil {
			out.Items = objectSchema(f.Fields)
		}
	case api.TypeMap:
		out.Type = "object"
		out.MaxProperties = &f.MaxItems
		out.AdditionalProperties = &huma.Schema{Type: "string", Enum: enumOf(f.Values)}
	case api.TypeObject:
		object := objectSchema(f.Fields)
		out.Type, out.Properties, out.Required, out.AdditionalProperties = object.Type, object.Properties, object.Required, object.AdditionalProperties
	}
	return out
}

func enumOf(values []string) []any {
	var out []any
	for _, v := range values {
		out = append(out, v)
	}
	return out
}
