package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// dataSSOServiceProvider reads our side of an SSO connection.
type dataSSOServiceProvider struct{ planeData }

type ssoServiceProviderModel struct {
	Workspace   types.String `tfsdk:"workspace"`
	Connection  types.String `tfsdk:"connection_name"`
	EntityID    types.String `tfsdk:"entity_id"`
	ACSURL      types.String `tfsdk:"acs_url"`
	RedirectURI types.String `tfsdk:"redirect_uri"`
	MetadataURL types.String `tfsdk:"metadata_url"`
}

// Metadata names the data source.
func (d *dataSSOServiceProvider) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_sso_service_provider"
}

// Schema describes what is read.
func (d *dataSSOServiceProvider) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What the identity provider must be told about this side of an SSO connection; feed it to the provider of the identity provider (okta, azuread).",
		Attributes: map[string]schema.Attribute{
			"workspace":       workspaceArgument(),
			"connection_name": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the SSO connection."},
			"entity_id":       computedString("Our SAML entity id (audience)."),
			"acs_url":         computedString("Our assertion consumer service URL."),
			"redirect_uri":    computedString("Our OIDC redirect URI."),
			"metadata_url":    computedString("Where our SAML metadata is."),
		},
	}
}

// Read asks the server.
func (d *dataSSOServiceProvider) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m ssoServiceProviderModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	sp, err := d.plane.at(workspace).SSOServiceProvider(ctx, m.Connection.ValueString())
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the service provider side of "+m.Connection.ValueString(), err)
		return
	}
	m.Workspace = types.StringValue(workspace)
	m.EntityID, m.ACSURL = types.StringValue(sp.EntityID), types.StringValue(sp.ACSURL)
	m.RedirectURI, m.MetadataURL = types.StringValue(sp.RedirectURI), types.StringValue(sp.MetadataURL)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// dataSCIMServiceProvider reads where and how to provision.
type dataSCIMServiceProvider struct{ planeData }

type scimServiceProviderModel struct {
	Workspace      types.String `tfsdk:"workspace"`
	BaseURL        types.String `tfsdk:"base_url"`
	Schemas        types.List   `tfsdk:"schemas"`
	Authentication types.String `tfsdk:"authentication"`
}

// Metadata names the data source.
func (d *dataSCIMServiceProvider) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_scim_service_provider"
}

// Schema describes what is read.
func (d *dataSCIMServiceProvider) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Where and how an identity provider pushes people and groups with SCIM 2.0. The bearer token comes from the `gatehouse_scim_token` ephemeral resource.",
		Attributes: map[string]schema.Attribute{
			"workspace":      workspaceArgument(),
			"base_url":       computedString("SCIM base URL to enter at the identity provider."),
			"schemas":        computedStrings("Schemas that are served."),
			"authentication": computedString("Authentication scheme, as SCIM names it (RFC 7643 section 5)."),
		},
	}
}

// Read asks the server.
func (d *dataSCIMServiceProvider) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m scimServiceProviderModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	sp, err := d.plane.at(workspace).SCIMServiceProvider(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the SCIM service provider", err)
		return
	}
	m.Workspace, m.BaseURL = types.StringValue(workspace), types.StringValue(sp.BaseURL)
	m.Schemas, m.Authentication = stringList(sp.Schemas), types.StringValue(sp.Authentication)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
