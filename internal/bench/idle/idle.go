package idle

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/provider"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// whole is everything that the real provider offers: Terraform reads all of its schema.
type whole interface {
	provider.ProviderWithFunctions
	provider.ProviderWithEphemeralResources
	provider.ProviderWithListResources
	provider.ProviderWithActions
}

// idle is the real provider but for what it does.
type idle struct{ whole }

// Of makes an idle provider with the schemas of another one.
func Of(p provider.Provider) provider.Provider { return idle{p.(whole)} }

// Configure talks to nobody.
func (idle) Configure(context.Context, provider.ConfigureRequest, *provider.ConfigureResponse) {}

// Resources are the real ones, idle.
func (i idle) Resources(ctx context.Context) []func() resource.Resource {
	var out []func() resource.Resource
	for _, make := range i.whole.Resources(ctx) {
		out = append(out, func() resource.Resource { return &still{make()} })
	}
	return out
}

// still is a resource that describes itself as another one does. It checks no
// configuration and modifies no plan; what is read is what the state has.
type still struct{ of resource.Resource }

var _ resource.ResourceWithIdentity = (*still)(nil)

// Metadata names the resource.
func (s *still) Metadata(ctx context.Context, req resource.MetadataRequest, resp *resource.MetadataResponse) {
	s.of.Metadata(ctx, req, resp)
}

// Schema describes the attributes.
func (s *still) Schema(ctx context.Context, req resource.SchemaRequest, resp *resource.SchemaResponse) {
	s.of.Schema(ctx, req, resp)
}

// IdentitySchema describes the identity.
func (s *still) IdentitySchema(ctx context.Context, req resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	if of, ok := s.of.(resource.ResourceWithIdentity); ok {
		of.IdentitySchema(ctx, req, resp)
	}
}

// Create does nothing.
func (*still) Create(context.Context, resource.CreateRequest, *resource.CreateResponse) {}

// Read gives an identity to what has none, because the framework asks for one; CLIs
// before Terraform 1.12 keep none.
func (*still) Read(ctx context.Context, _ resource.ReadRequest, resp *resource.ReadResponse) {
	if resp.Identity == nil || !resp.Identity.Raw.IsNull() && !resp.Identity.Raw.IsFullyNull() {
		return
	}
	typ, ok := resp.Identity.Schema.Type().TerraformType(ctx).(tftypes.Object)
	if !ok {
		return
	}
	attrs := make(map[string]tftypes.Value, len(typ.AttributeTypes))
	for name := range typ.AttributeTypes {
		attrs[name] = tftypes.NewValue(tftypes.String, "idle")
	}
	resp.Identity.Raw = tftypes.NewValue(typ, attrs)
}

// Update does nothing.
func (*still) Update(context.Context, resource.UpdateRequest, *resource.UpdateResponse) {}

// Delete does nothing.
func (*still) Delete(context.Context, resource.DeleteRequest, *resource.DeleteResponse) {}
