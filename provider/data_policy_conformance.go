package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// dataPolicyConformance reads which existing shares the sharing policy would not
// accept today (C062, X07).
type dataPolicyConformance struct{ planeData }

type policyConformanceModel struct {
	Workspace types.String         `tfsdk:"workspace"`
	Resource  types.String         `tfsdk:"resource"`
	Kind      types.String         `tfsdk:"kind"`
	Limit     types.Int64          `tfsdk:"limit"`
	Conforms  types.Bool           `tfsdk:"conforms"`
	More      types.Bool           `tfsdk:"more"`
	Shares    []nonconformingModel `tfsdk:"shares"`
}

type nonconformingModel struct {
	Kind             types.String `tfsdk:"kind"`
	ID               types.String `tfsdk:"id"`
	Key              types.String `tfsdk:"key"`
	Name             types.String `tfsdk:"name"`
	Resource         types.String `tfsdk:"resource"`
	Recipient        types.String `tfsdk:"recipient"`
	Overrides        types.List   `tfsdk:"overrides"`
	ExistingShares   types.String `tfsdk:"existing_shares"`
	GrandfatherUntil types.String `tfsdk:"grandfather_until"`
	Stopped          types.Bool   `tfsdk:"stopped"`
	Remedy           types.String `tfsdk:"remedy"`
	EndsAt           types.String `tfsdk:"ends_at"`
	ManagedBy        types.String `tfsdk:"managed_by"`
	Stack            types.String `tfsdk:"stack"`
	Reasons          []gapModel   `tfsdk:"reasons"`
}

type gapModel struct {
	Attribute types.String `tfsdk:"attribute"`
	Text      types.String `tfsdk:"text"`
	Remedy    types.String `tfsdk:"remedy"`
}

// Metadata names the data source.
func (d *dataPolicyConformance) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_policy_conformance"
}

// Schema describes the filters and the shares.
func (d *dataPolicyConformance) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	nested := func(doc string, attributes map[string]schema.Attribute) schema.ListNestedAttribute {
		return schema.ListNestedAttribute{Computed: true, MarkdownDescription: doc, NestedObject: schema.NestedAttributeObject{Attributes: attributes}}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "The existing shares that the sharing policy in force at their place would not accept today, written as they are: grants and roles of people outside, guests, share links. Use it in a `check` block, or to see what `existing_shares = \"enforce\"` would do. " +
			"Days are counted from the last change of a share. Who may invite and whether somebody approved are not measured: they are about making a share. It needs permission to read all grants.",
		Attributes: map[string]schema.Attribute{
			"workspace": workspaceArgument(),
			"resource":  schema.StringAttribute{Optional: true, MarkdownDescription: "Only shares of this item and of what is below it, e.g. `/finance`."},
			"kind":      schema.StringAttribute{Optional: true, MarkdownDescription: "Only shares of this kind: `guest`, `access_grant`, `role_assignment`, `share_link` or `invitation`."},
			"limit":     schema.Int64Attribute{Optional: true, MarkdownDescription: "Most shares to read, up to 10000. Default: `1000`."},
			"conforms":  schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether every share conforms."},
			"more":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether there are more than were read."},
			"shares": nested("The shares that do not conform.", map[string]schema.Attribute{
				"kind":              computedString("Kind of the share."),
				"id":                computedString("Identifier of the share."),
				"key":               computedString("Its natural key."),
				"name":              computedString("What people call it."),
				"resource":          computedString("Item that is shared; `/` for a guest, who is a matter of the whole workspace."),
				"recipient":         computedString("Who receives it; null for a link that anyone can open."),
				"overrides":         computedStrings("Paths of the `gatehouse_sharing_policy_override`s that hold there."),
				"existing_shares":   computedString("What the policy there does to shares that exist."),
				"grandfather_until": computedString("Deadline, where that is `grandfather`."),
				"stopped":           schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the policy is in force for it already: its recipient is denied."},
				"remedy":            computedString("What enforcing the policy does to it: `revoke`, `suspend`, `remove_recipients` or `shorten_expiry`."),
				"ends_at":           computedString("When it would end, where the remedy is `shorten_expiry`."),
				"managed_by":        computedString("Who owns it: `terraform`, `scim`, `manual` or `system`."),
				"stack":             computedString("The Terraform stack that owns it."),
				"reasons": nested("What does not conform.", map[string]schema.Attribute{
					"attribute": computedString("Attribute of the sharing policy."),
					"text":      computedString("What it says and what the share is."),
					"remedy":    computedString("What would mend it."),
				}),
			}),
		},
	}
}

// Read asks the server.
func (d *dataPolicyConformance) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m policyConformanceModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	limit := int64(defaultShares)
	if !m.Limit.IsNull() {
		limit = m.Limit.ValueInt64()
	}
	if limit < 1 || limit > maxShares {
		resp.Diagnostics.AddAttributeError(path.Root("limit"), "Invalid limit", "Write a number from 1 to 10000.")
		return
	}
	shares, more, err := d.plane.at(workspace).NonconformingShares(ctx, m.Resource.ValueString(), m.Kind.ValueString(), int(limit))
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read which shares do not conform", err)
		return
	}
	m.Workspace, m.Conforms, m.More = types.StringValue(workspace), types.BoolValue(len(shares) == 0), types.BoolValue(more)
	m.Shares = make([]nonconformingModel, len(shares))
	for i, sh := range shares {
		m.Shares[i] = nonconformingModelOf(sh)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func nonconformingModelOf(sh api.NonconformingShare) nonconformingModel {
	out := nonconformingModel{
		Kind: types.StringValue(sh.Kind), ID: types.StringValue(sh.ID), Key: types.StringValue(sh.Key), Name: types.StringValue(sh.Name),
		Resource: types.StringValue(sh.Resource), Recipient: orNull(sh.Recipient), Overrides: stringList(sh.Overrides),
		ExistingShares: types.StringValue(sh.Existing), GrandfatherUntil: orNull(sh.Until), Stopped: types.BoolValue(sh.Stopped),
		Remedy: types.StringValue(sh.Remedy), EndsAt: orNull(sh.EndsAt), ManagedBy: types.StringValue(sh.Manager), Stack: orNull(sh.Stack),
		Reasons: make([]gapModel, len(sh.Reasons)),
	}
	for i, r := range sh.Reasons {
		out.Reasons[i] = gapModel{types.StringValue(r.Attribute), types.StringValue(r.Text), types.StringValue(r.Remedy)}
	}
	return out
}

// orNull is a text that may be absent.
func orNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}
