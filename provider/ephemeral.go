package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral"
	"github.com/hashicorp/terraform-plugin-framework/ephemeral/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// planeEphemeral is the part that every ephemeral resource shares.
type planeEphemeral struct{ plane *controlPlane }

// Configure receives the control plane.
func (e *planeEphemeral) Configure(_ context.Context, req ephemeral.ConfigureRequest, resp *ephemeral.ConfigureResponse) {
	e.plane = planeOf(req.ProviderData, &resp.Diagnostics)
}

func (e *planeEphemeral) inWorkspace(given types.String, diags *diag.Diagnostics) (string, bool) {
	if !e.plane.ready(diags) {
		return "", false
	}
	workspace := canonical("slug", e.plane.inWorkspace(given.ValueString()))
	if workspace == "" {
		missingWorkspace(diags)
	}
	return workspace, workspace != ""
}

func timeText(t *time.Time) types.String {
	if t == nil {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}

// ephemeralSCIMToken gives out the value of a SCIM token, for the write-only
// arguments of an identity provider's provider. It is never stored.
type ephemeralSCIMToken struct{ planeEphemeral }

var _ ephemeral.EphemeralResourceWithConfigure = (*ephemeralSCIMToken)(nil)

type scimTokenModel struct {
	Workspace  types.String `tfsdk:"workspace"`
	TokenID    types.String `tfsdk:"token_id"`
	Connection types.String `tfsdk:"connection_name"`
	Name       types.String `tfsdk:"name"`
	Rotation   types.Int64  `tfsdk:"rotation"`
	Secret     types.String `tfsdk:"secret"`
	ExpiresAt  types.String `tfsdk:"expires_at"`
}

// Metadata names the ephemeral resource.
func (e *ephemeralSCIMToken) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "gatehouse_scim_token"
}

// Schema describes arguments and result.
func (e *ephemeralSCIMToken) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The value of a SCIM token. Feed it to a write-only argument of the identity provider's Terraform provider; it is in no plan and no state. The same `rotation` gives the same value as long as it is current, a higher one rotates and lets the old value live for the token's overlap.",
		Attributes: map[string]schema.Attribute{
			"workspace":       schema.StringAttribute{Optional: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."},
			"token_id":        schema.StringAttribute{Optional: true, MarkdownDescription: "`id` of the `gatehouse_scim_token` resource. Better than `connection_name` and `name` in the configuration that makes the token: Terraform then waits until it exists."},
			"connection_name": schema.StringAttribute{Optional: true, MarkdownDescription: "Name of the provisioning connection; with `name`."},
			"name":            schema.StringAttribute{Optional: true, MarkdownDescription: "Name of the token; with `connection_name`."},
			"rotation":        schema.Int64Attribute{Optional: true, MarkdownDescription: "Number of the rotation, raised to rotate. Default: `1`."},
			"secret":          schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The bearer token."},
			"expires_at":      schema.StringAttribute{Computed: true, MarkdownDescription: "When it ends (RFC 3339)."},
		},
	}
}

// Open asks for the value.
func (e *ephemeralSCIMToken) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m scimTokenModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := e.inWorkspace(m.Workspace, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	ref := m.TokenID.ValueString()
	if ref == "" {
		if m.Connection.ValueString() == "" || m.Name.ValueString() == "" {
			resp.Diagnostics.AddAttributeError(path.Root("token_id"), "No token is named", "Give token_id, or connection_name and name.")
			return
		}
		ref = canonical("slug", m.Connection.ValueString()) + "/" + canonical("slug", m.Name.ValueString())
	}
	rotation, ok := rotationOf(m.Rotation, &resp.Diagnostics)
	if !ok {
		return
	}
	secret, err := e.plane.at(workspace).Secret(ctx, api.SCIMTokenKind, ref, rotation)
	if err != nil {
		(&definition{kind: api.SCIMTokenKind}).addFailure(&resp.Diagnostics, "read the value of", workspace, ref, err)
		return
	}
	m.Secret, m.ExpiresAt = types.StringValue(secret.Secret), timeText(secret.ExpiresAt)
	resp.Diagnostics.Append(resp.Result.Set(ctx, m)...)
}

// ephemeralAPIToken makes a short-lived API token and ends it when Terraform is done.
type ephemeralAPIToken struct{ planeEphemeral }

var (
	_ ephemeral.EphemeralResourceWithConfigure = (*ephemeralAPIToken)(nil)
	_ ephemeral.EphemeralResourceWithClose     = (*ephemeralAPIToken)(nil)
)

const (
	privateToken   = "token"
	defaultTTL     = time.Hour
	longestTTL     = 24 * time.Hour
	tokenNameStart = "ephemeral-"
)

type apiTokenModel struct {
	Workspace      types.String `tfsdk:"workspace"`
	ServiceAccount types.String `tfsdk:"service_account"`
	Scopes         []string     `tfsdk:"scopes"`
	TTL            types.String `tfsdk:"ttl"`
	AllowedCIDRs   []string     `tfsdk:"allowed_cidrs"`
	TokenID        types.String `tfsdk:"token_id"`
	Secret         types.String `tfsdk:"secret"`
	ExpiresAt      types.String `tfsdk:"expires_at"`
}

// openToken is what Close needs to know.
type openToken struct{ Workspace, ID string }

// Metadata names the ephemeral resource.
func (e *ephemeralAPIToken) Metadata(_ context.Context, _ ephemeral.MetadataRequest, resp *ephemeral.MetadataResponse) {
	resp.TypeName = "gatehouse_api_token"
}

// Schema describes arguments and result.
func (e *ephemeralAPIToken) Schema(_ context.Context, _ ephemeral.SchemaRequest, resp *ephemeral.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "A short-lived API token of a service account. It is made when Terraform opens it, also during a plan, and revoked when Terraform is done with it; it is in no plan and no state.",
		Attributes: map[string]schema.Attribute{
			"workspace":       schema.StringAttribute{Optional: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."},
			"service_account": schema.StringAttribute{Required: true, MarkdownDescription: "Name of the service account that the token acts as."},
			"scopes":          schema.ListAttribute{Required: true, ElementType: types.StringType, MarkdownDescription: "Permissions the token may use at most, e.g. `team.*`, or `read_only`."},
			"ttl":             schema.StringAttribute{Optional: true, MarkdownDescription: "Longest life should Terraform fail to revoke it, at most `\"24h\"`. Default: `\"1h\"`."},
			"allowed_cidrs":   schema.ListAttribute{Optional: true, ElementType: types.StringType, MarkdownDescription: "Networks that the token may be used from; any when absent."},
			"token_id":        schema.StringAttribute{Computed: true, MarkdownDescription: "Identifier of the token, as in the audit log."},
			"secret":          schema.StringAttribute{Computed: true, Sensitive: true, MarkdownDescription: "The bearer token."},
			"expires_at":      schema.StringAttribute{Computed: true, MarkdownDescription: "When it ends by itself (RFC 3339)."},
		},
	}
}

// Open makes the token and asks for its value.
func (e *ephemeralAPIToken) Open(ctx context.Context, req ephemeral.OpenRequest, resp *ephemeral.OpenResponse) {
	var m apiTokenModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := e.inWorkspace(m.Workspace, &resp.Diagnostics)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	ttl := defaultTTL
	if !m.TTL.IsNull() {
		d, err := api.ParseDuration(m.TTL.ValueString())
		if err != nil || d < time.Minute || d > longestTTL {
			resp.Diagnostics.AddAttributeError(path.Root("ttl"), "Invalid ttl", fmt.Sprintf("%q is not from 1m to 24h.", m.TTL.ValueString()))
			return
		}
		ttl = d
	}
	kind := &definition{kind: api.APITokenKind}
	at := e.plane.at(workspace)
	doc := client.Document{
		"name": tokenNameStart + client.RandomName(), "service_account": m.ServiceAccount.ValueString(), "scopes": m.Scopes,
		"expires_at": time.Now().Add(ttl).UTC().Format(time.RFC3339),
	}
	if len(m.AllowedCIDRs) > 0 {
		doc["allowed_cidrs"] = m.AllowedCIDRs
	}
	made, err := at.Create(ctx, api.APITokenKind, doc, client.WriteOptions{})
	if err != nil {
		kind.addFailure(&resp.Diagnostics, "create", workspace, "", err)
		return
	}
	secret, err := at.Secret(ctx, api.APITokenKind, made.ID(), 1)
	if err != nil {
		kind.addFailure(&resp.Diagnostics, "read the value of", workspace, made.Key(), err)
		// Nobody would close what was not opened. It ends by itself if this fails too.
		if _, err := at.Delete(ctx, api.APITokenKind, made.ID(), client.WriteOptions{}); err != nil {
			resp.Diagnostics.AddWarning("An unused token was left behind", fmt.Sprintf("%s could not be revoked; it ends at %s.", made.Key(), doc["expires_at"]))
		}
		return
	}
	raw, err := json.Marshal(openToken{workspace, made.ID()})
	if err != nil {
		resp.Diagnostics.AddError("Cannot remember the token", err.Error())
		return
	}
	resp.Diagnostics.Append(resp.Private.SetKey(ctx, privateToken, raw)...)
	m.TokenID, m.Secret, m.ExpiresAt = types.StringValue(made.ID()), types.StringValue(secret.Secret), timeText(secret.ExpiresAt)
	resp.Diagnostics.Append(resp.Result.Set(ctx, m)...)
}

// Close revokes the token.
func (e *ephemeralAPIToken) Close(ctx context.Context, req ephemeral.CloseRequest, resp *ephemeral.CloseResponse) {
	raw, diags := req.Private.GetKey(ctx, privateToken)
	resp.Diagnostics.Append(diags...)
	var opened openToken
	if len(raw) == 0 || json.Unmarshal(raw, &opened) != nil || !e.plane.ready(&resp.Diagnostics) {
		return
	}
	_, err := e.plane.at(opened.Workspace).Delete(ctx, api.APITokenKind, opened.ID, client.WriteOptions{})
	if err != nil && !client.IsNotFound(err) {
		(&definition{kind: api.APITokenKind}).addFailure(&resp.Diagnostics, "revoke", opened.Workspace, opened.ID, err)
	}
}

// rotationOf reads the number of a rotation; the first when none is given.
func rotationOf(given types.Int64, diags *diag.Diagnostics) (int64, bool) {
	if given.IsNull() {
		return 1, true
	}
	if given.ValueInt64() < 1 {
		diags.AddAttributeError(path.Root("rotation"), "Invalid rotation", "Write a number of at least 1.")
		return 0, false
	}
	return given.ValueInt64(), true
}
