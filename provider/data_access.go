package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

type reasonModel struct {
	Kind types.String `tfsdk:"kind"`
	ID   types.String `tfsdk:"id"`
	Text types.String `tfsdk:"text"`
}

func reasonModels(reasons []client.Reason) []reasonModel {
	out := make([]reasonModel, len(reasons))
	for i, r := range reasons {
		out[i] = reasonModel{types.StringValue(r.Kind), types.StringValue(r.ID), types.StringValue(r.Text)}
	}
	return out
}

func reasonsAttribute() schema.ListNestedAttribute {
	return schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Why: the grants, roles and policies that decided, in order.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
		"kind": computedString("What kind of thing decided, e.g. `grant`."),
		"id":   computedString("Which one."),
		"text": computedString("In words."),
	}}}
}

// dataEffectiveAccess reads what a principal may do on an item in all.
type dataEffectiveAccess struct{ planeData }

type effectiveAccessModel struct {
	Workspace   types.String  `tfsdk:"workspace"`
	Principal   types.String  `tfsdk:"principal"`
	Resource    types.String  `tfsdk:"resource"`
	Level       types.String  `tfsdk:"level"`
	Permissions types.List    `tfsdk:"permissions"`
	Reasons     []reasonModel `tfsdk:"reasons"`
}

// Metadata names the data source.
func (d *dataEffectiveAccess) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_effective_access"
}

// Schema describes what is read.
func (d *dataEffectiveAccess) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What a principal may do on an item in all, after inheritance, roles, denials and ceilings, and why. Use it in a `check` block to assert who can and who cannot.",
		Attributes: map[string]schema.Attribute{
			"workspace":   workspaceArgument(),
			"principal":   schema.StringAttribute{Required: true, MarkdownDescription: "Who, e.g. `member:ann@example.com`."},
			"resource":    schema.StringAttribute{Required: true, MarkdownDescription: "Item path, e.g. `/finance`; `/` is the workspace."},
			"level":       computedString("Effective level; `none` without access."),
			"permissions": computedStrings("Every permission that the principal has there."),
			"reasons":     reasonsAttribute(),
		},
	}
}

// Read asks the server.
func (d *dataEffectiveAccess) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m effectiveAccessModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	e, err := d.plane.at(workspace).Effective(ctx, m.Principal.ValueString(), m.Resource.ValueString())
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the access of "+m.Principal.ValueString(), err)
		return
	}
	m.Workspace, m.Level = types.StringValue(workspace), types.StringValue(e.Level)
	m.Permissions, m.Reasons = stringList(e.Permissions), reasonModels(e.Reasons)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// dataAccessDecision asks one question and why.
type dataAccessDecision struct{ planeData }

type accessDecisionModel struct {
	Workspace  types.String          `tfsdk:"workspace"`
	Principal  types.String          `tfsdk:"principal"`
	Resource   types.String          `tfsdk:"resource"`
	Permission types.String          `tfsdk:"permission"`
	Context    *decisionContextModel `tfsdk:"context"`
	Allowed    types.Bool            `tfsdk:"allowed"`
	Level      types.String          `tfsdk:"level"`
	Reasons    []reasonModel         `tfsdk:"reasons"`
}

type decisionContextModel struct {
	IP            types.String `tfsdk:"ip"`
	Country       types.String `tfsdk:"country"`
	DeviceKnown   types.Bool   `tfsdk:"device_known"`
	MFAAgeSeconds types.Int64  `tfsdk:"mfa_age_seconds"`
	Authenticator types.String `tfsdk:"authenticator"`
	Time          types.String `tfsdk:"time"`
}

// Metadata names the data source.
func (d *dataAccessDecision) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_access_decision"
}

// Schema describes the question and the answer.
func (d *dataAccessDecision) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Asks whether a principal may do one thing, in a supposed situation, and why.",
		Attributes: map[string]schema.Attribute{
			"workspace":  workspaceArgument(),
			"principal":  schema.StringAttribute{Required: true, MarkdownDescription: "Who, e.g. `member:ann@example.com`."},
			"resource":   schema.StringAttribute{Optional: true, MarkdownDescription: "Item path; absent for workspace permissions."},
			"permission": schema.StringAttribute{Required: true, MarkdownDescription: "Permission, e.g. `asset.download`."},
			"context": schema.SingleNestedAttribute{Optional: true, MarkdownDescription: "The supposed situation of the request; conditions see it.", Attributes: map[string]schema.Attribute{
				"ip":              schema.StringAttribute{Optional: true, MarkdownDescription: "IP address."},
				"country":         schema.StringAttribute{Optional: true, MarkdownDescription: "ISO 3166-1 alpha-2 country code."},
				"device_known":    schema.BoolAttribute{Optional: true, MarkdownDescription: "Whether the device has been seen before."},
				"mfa_age_seconds": schema.Int64Attribute{Optional: true, MarkdownDescription: "Seconds since the second factor was shown."},
				"authenticator":   schema.StringAttribute{Optional: true, MarkdownDescription: "Second factor, e.g. `webauthn`."},
				"time":            schema.StringAttribute{Optional: true, MarkdownDescription: "Time of the request (RFC 3339); now when absent."},
			}},
			"allowed": schema.BoolAttribute{Computed: true, MarkdownDescription: "The decision."},
			"level":   computedString("Effective level of the principal on the item."),
			"reasons": reasonsAttribute(),
		},
	}
}

// Read asks the server.
func (d *dataAccessDecision) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m accessDecisionModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	q := client.CheckRequest{Principal: m.Principal.ValueString(), Resource: m.Resource.ValueString(), Permission: m.Permission.ValueString()}
	if c := m.Context; c != nil {
		q.Context = &client.CheckContext{
			IP: c.IP.ValueString(), Country: c.Country.ValueString(), DeviceKnown: c.DeviceKnown.ValueBoolPointer(),
			MFAAgeSeconds: c.MFAAgeSeconds.ValueInt64Pointer(), Authenticator: c.Authenticator.ValueString(),
		}
		if !c.Time.IsNull() {
			at, err := time.Parse(time.RFC3339, c.Time.ValueString())
			if err != nil {
				resp.Diagnostics.AddAttributeError(path.Root("context").AtName("time"), "Invalid time", "Write an RFC 3339 time, e.g. 2027-06-30T00:00:00Z.")
				return
			}
			q.Context.Time = &at
		}
	}
	answer, err := d.plane.at(workspace).Check(ctx, q)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot decide "+q.Permission+" for "+q.Principal, err)
		return
	}
	m.Workspace, m.Allowed = types.StringValue(workspace), types.BoolValue(answer.Allowed)
	m.Level, m.Reasons = types.StringValue(answer.Level), reasonModels(answer.Reasons)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
