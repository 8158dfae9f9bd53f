package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/types/basetypes"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// writtenType is a string in one of the API's formats: e-mail, slug, path and so
// on. Ann@Example.com and ann@example.com mean the same, so neither a plan nor a
// refresh may show a difference between them.
type writtenType struct {
	basetypes.StringType
	format string
}

var (
	_ basetypes.StringTypable                    = writtenType{}
	_ basetypes.StringValuableWithSemanticEquals = writtenValue{}
)

func (t writtenType) Equal(o attr.Type) bool {
	other, ok := o.(writtenType)
	return ok && other.format == t.format
}

func (t writtenType) String() string { return "written." + t.format }

func (t writtenType) ValueFromString(_ context.Context, in basetypes.StringValue) (basetypes.StringValuable, diag.Diagnostics) {
	return writtenValue{StringValue: in, format: t.format}, nil
}

func (t writtenType) ValueFromTerraform(ctx context.Context, in tftypes.Value) (attr.Value, error) {
	v, err := t.StringType.ValueFromTerraform(ctx, in)
	if err != nil {
		return nil, err
	}
	s, ok := v.(basetypes.StringValue)
	if !ok {
		return nil, fmt.Errorf("a string type gave a %T", v)
	}
	return writtenValue{StringValue: s, format: t.format}, nil
}

func (t writtenType) ValueType(context.Context) attr.Value { return writtenValue{format: t.format} }

// writtenValue is a value of writtenType.
type writtenValue struct {
	basetypes.StringValue
	format string
}

func (v writtenValue) Type(context.Context) attr.Type { return writtenType{format: v.format} }

func (v writtenValue) Equal(o attr.Value) bool {
	other, ok := o.(writtenValue)
	return ok && v.format == other.format && v.StringValue.Equal(other.StringValue)
}

// StringSemanticEquals reports whether two ways of writing mean the same.
func (v writtenValue) StringSemanticEquals(_ context.Context, o basetypes.StringValuable) (bool, diag.Diagnostics) {
	other, ok := o.(writtenValue)
	if !ok {
		return false, nil
	}
	return canonical(v.format, v.ValueString()) == canonical(v.format, other.ValueString()), nil
}

// canonical is the one written form of a value; what is not in the format stands
// for itself.
func canonical(format, s string) string {
	norm, message := api.Normalise(format, s)
	if message != "" {
		return s
	}
	return norm
}
