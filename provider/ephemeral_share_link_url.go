package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// ephemeralShareLinkURL gives out the URL of a share link, for write-only arguments
// such as those of a secret store. It is never stored.
type ephemeralShareLinkURL struct{ planeEphemeral }

var _ ephemeral.EphemeralResourceWithConfigure = (*ephemeralShareLinkURL)(nil)

type shareLinkURLModel struct {
	Workspace types.String `tfsdk:"workspace"`
	ShareLink types.String `tfsdk:"share_link"`
	Rotation  types.Int64  `tfsdk:"rotation"`
	URL       types.String `tfsdk:"url"`
	Token     types.String `tfsdk:"token"`
	ExpiresAt types.String `tfsdk:"expires_at"`
}

// Metadata names the ephemeral resource.
func (e *ephemeralShareLinkURL) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "gatehouse_share_link_url"
}

// Schema describes arguments and result.
func (e *ephemeralShareLinkURL) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The URL of a share link. Feed it to a write-only argument of the resource that hands it on; it is in no plan and no state. The same `rotation` gives the same URL as long as it is current; a higher one makes a new URL and ends the one before, together with the visits made by it.",
		Attributes: map[string]schema.Attribute{
			"workspace":  schema.StringAttribute{Optional: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."},
			"share_link": schema.StringAttribute{Required: true, MarkdownDescription: "`id` of the `gatehouse_share_link` resource, so that Terraform waits until it exists, or its key."},
			"rotation":   schema.Int64Attribute{Optional: true, MarkdownDescription: "Number of the rotation, raised to make a new URL. Default: `1`."},
			"url":        schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "Where the link opens; null when the server was not told its own address (`--base-url`)."},
			"token":      schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The last segment of the URL."},
			"expires_at": schema.StringAttribute{Computed: true, MarkdownDescription: "When the link ends (RFC 3339)."},
		},
	}
}

// Open asks for the URL.
func (e *ephemeralShareLinkURL) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m shareLinkURLModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := e.inWorkspace(m.Workspace, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	rotation, ok := rotationOf(m.Rotation, &resp.Diagnostics)
	if !ok {
		return
	}
	ref := m.ShareLink.ValueString()
	secret, err := e.plane.at(workspace).ShareLinkSecret(ctx, ref, rotation)
	if err != nil {
		(&definition{kind: api.ShareLinkKind}).addFailure(&resp.Diagnostics, "read the URL of", workspace, ref, err)
		return
	}
	m.Token, m.URL, m.ExpiresAt = types.StringValue(secret.Secret), types.StringNull(), timeText(secret.ExpiresAt)
	if secret.URL != "" {
		m.URL = types.StringValue(secret.URL)
	}
	resp.Diagnostics.Append(resp.Result.Set(ctx, m)...)
}
