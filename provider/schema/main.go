// Command schema prints the provider's schema in the form of `terraform providers
// schema -json`, for the documentation generator. It asks the provider itself:
// only Terraform 1.14 and newer would print list resources.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"

	"github.com/hashicorp/terraform-plugin-framework/providerserver"
	"github.com/hashicorp/terraform-plugin-go/tfprotov6"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/provider"
)

func main() {
	if err := write(context.Background(), os.Stdout); err != nil {
		log.Fatal(err)
	}
}

type object = map[string]any

func write(ctx context.Context, w io.Writer) error {
	server, err := providerserver.NewProtocol6WithError(provider.New("docs")())()
	if err != nil {
		return fmt.Errorf("starting the provider: %w", err)
	}
	schemas, err := server.GetProviderSchema(ctx, &tfprotov6.GetProviderSchemaRequest{})
	if err != nil {
		return fmt.Errorf("asking for the schemas: %w", err)
	}
	identities, err := server.GetResourceIdentitySchemas(ctx, &tfprotov6.GetResourceIdentitySchemasRequest{})
	if err != nil {
		return fmt.Errorf("asking for the identities: %w", err)
	}
	for _, d := range append(schemas.Diagnostics, identities.Diagnostics...) {
		return fmt.Errorf("%s: %s", d.Summary, d.Detail)
	}
	out := json.NewEncoder(w)
	out.SetIndent("", " ")
	err = out.Encode(object{
		"format_version": "1.0",
		"provider_schemas": object{
			// The generator looks for a name without a namespace.
			"gatehouse": object{
				"provider":                   schemaJSON(schemas.Provider),
				"resource_schemas":           schemasJSON(schemas.ResourceSchemas),
				"data_source_schemas":        schemasJSON(schemas.DataSourceSchemas),
				"ephemeral_resource_schemas": schemasJSON(schemas.EphemeralResourceSchemas),
				"list_resource_schemas":      schemasJSON(schemas.ListResourceSchemas),
				"action_schemas":             actionsJSON(schemas.ActionSchemas),
				"functions":                  functionsJSON(schemas.Functions),
				"resource_identity_schemas":  identitiesJSON(identities.IdentitySchemas),
			},
		},
	})
	if err != nil {
		return fmt.Errorf("writing the schemas: %w", err)
	}
	return nil
}

func schemasJSON(in map[string]*tfprotov6.Schema) object {
	out := object{}
	for name, s := range in {
		out[name] = schemaJSON(s)
	}
	return out
}

func actionsJSON(in map[string]*tfprotov6.ActionSchema) object {
	out := object{}
	for name, a := range in {
		out[name] = schemaJSON(a.Schema)
	}
	return out
}

func schemaJSON(s *tfprotov6.Schema) object {
	return object{"version": s.Version, "block": object{
		"attributes":       attributesJSON(s.Block.Attributes),
		"description":      s.Block.Description,
		"description_kind": kindName(s.Block.DescriptionKind),
	}}
}

func attributesJSON(in []*tfprotov6.SchemaAttribute) object {
	out := object{}
	for _, a := range in {
		attr := object{
			"description": a.Description, "description_kind": kindName(a.DescriptionKind),
			"required": a.Required, "optional": a.Optional, "computed": a.Computed,
			"sensitive": a.Sensitive, "write_only": a.WriteOnly, "deprecated": a.Deprecated,
		}
		if a.NestedType != nil {
			attr["nested_type"] = object{"attributes": attributesJSON(a.NestedType.Attributes), "nesting_mode": nestingName(a.NestedType.Nesting)}
		} else {
			attr["type"] = typeJSON(a.Type)
		}
		out[a.Name] = attr
	}
	return out
}

func kindName(k tfprotov6.StringKind) string {
	if k == tfprotov6.StringKindMarkdown {
		return "markdown"
	}
	return "plain"
}

func nestingName(m tfprotov6.SchemaObjectNestingMode) string {
	switch m {
	case tfprotov6.SchemaObjectNestingModeList:
		return "list"
	case tfprotov6.SchemaObjectNestingModeSet:
		return "set"
	case tfprotov6.SchemaObjectNestingModeMap:
		return "map"
	}
	return "single"
}

// typeJSON writes a type as Terraform writes it: "string", ["list", "string"].
func typeJSON(t tftypes.Type) any {
	switch t := t.(type) {
	case tftypes.List:
		return []any{"list", typeJSON(t.ElementType)}
	case tftypes.Set:
		return []any{"set", typeJSON(t.ElementType)}
	case tftypes.Map:
		return []any{"map", typeJSON(t.ElementType)}
	case tftypes.Object:
		attrs := object{}
		for name, a := range t.AttributeTypes {
			attrs[name] = typeJSON(a)
		}
		return []any{"object", attrs}
	}
	switch {
	case t.Is(tftypes.Bool):
		return "bool"
	case t.Is(tftypes.Number):
		return "number"
	case t.Is(tftypes.DynamicPseudoType):
		return "dynamic"
	}
	return "string"
}

func functionsJSON(in map[string]*tfprotov6.Function) object {
	parameter := func(p *tfprotov6.FunctionParameter) object {
		return object{"name": p.Name, "description": p.Description, "is_nullable": p.AllowNullValue, "type": typeJSON(p.Type)}
	}
	out := object{}
	for name, f := range in {
		params := []object{}
		for _, p := range f.Parameters {
			params = append(params, parameter(p))
		}
		signature := object{"summary": f.Summary, "description": f.Description, "return_type": typeJSON(f.Return.Type), "parameters": params}
		if f.VariadicParameter != nil {
			signature["variadic_parameter"] = parameter(f.VariadicParameter)
		}
		out[name] = signature
	}
	return out
}

func identitiesJSON(in map[string]*tfprotov6.ResourceIdentitySchema) object {
	out := object{}
	for name, s := range in {
		attrs := object{}
		for _, a := range s.IdentityAttributes {
			attrs[a.Name] = object{
				"type": typeJSON(a.Type), "description": a.Description,
				"required_for_import": a.RequiredForImport, "optional_for_import": a.OptionalForImport,
			}
		}
		out[name] = object{"version": s.Version, "attributes": attrs}
	}
	return out
}
