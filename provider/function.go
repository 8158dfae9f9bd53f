package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/attr"
	"github.com/hashicorp/terraform-plugin-framework/function"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// pure is a provider function: it computes from its arguments and asks nobody.
type pure struct {
	name       string
	definition function.Definition
	run        func(ctx context.Context, req function.RunRequest, resp *function.RunResponse)
}

var _ function.Function = pure{}

// Metadata names the function.
func (f pure) Metadata(_ context.Context, _ function.MetadataRequest, resp *function.MetadataResponse) {
	resp.Name = f.name
}

// Definition describes arguments and result.
func (f pure) Definition(_ context.Context, _ function.DefinitionRequest, resp *function.DefinitionResponse) {
	resp.Definition = f.definition
}

// Run computes the result.
func (f pure) Run(ctx context.Context, req function.RunRequest, resp *function.RunResponse) {
	f.run(ctx, req, resp)
}

// functions lists the provider functions.
func functions() []func() function.Function {
	var out []func() function.Function
	for _, f := range []pure{permissionFunction, scopeContainsFunction, levelAllowsFunction, principalFunction, parsePrincipalFunction, durationFunction, samlMetadataFunction, strictestSharingFunction} {
		out = append(out, func() function.Function { return f })
	}
	return out
}

// text declares a string argument.
func text(name, doc string) function.StringParameter {
	return function.StringParameter{Name: name, MarkdownDescription: doc}
}

// strings reads string arguments from the first on.
func stringArguments(ctx context.Context, req function.RunRequest, resp *function.RunResponse, into ...*string) bool {
	targets := make([]any, len(into))
	for i := range into {
		targets[i] = into[i]
	}
	resp.Error = req.Arguments.Get(ctx, targets...)
	return resp.Error == nil
}

// set writes the result.
func set(ctx context.Context, resp *function.RunResponse, value any) {
	resp.Error = function.ConcatFuncErrors(resp.Error, resp.Result.Set(ctx, value))
}

// refuse says what is wrong with an argument.
func refuse(resp *function.RunResponse, argument int64, message string) {
	resp.Error = function.ConcatFuncErrors(resp.Error, function.NewArgumentFuncError(argument, message))
}

// object builds an object value of types that are known to fit.
func object(attrs map[string]attr.Type, values map[string]attr.Value) types.Object {
	return types.ObjectValueMust(attrs, values)
}

func stringList(values []string) types.List {
	elements := make([]attr.Value, len(values))
	for i, s := range values {
		elements[i] = types.StringValue(s)
	}
	return types.ListValueMust(types.StringType, elements)
}
