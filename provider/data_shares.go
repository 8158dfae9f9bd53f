package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// dataShares reads what is shared with people outside, and every open link (C073).
type dataShares struct{ planeData }

// Bounds of what one read of shares or views answers.
const (
	defaultShares = 1000
	maxShares     = 10_000
)

type sharesModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Resource  types.String `tfsdk:"resource"`
	Principal types.String `tfsdk:"principal"`
	Limit     types.Int64  `tfsdk:"limit"`
	Shares    []shareModel `tfsdk:"shares"`
}

type shareModel struct {
	Type          types.String   `tfsdk:"type"`
	ID            types.String   `tfsdk:"id"`
	Key           types.String   `tfsdk:"key"`
	Resource      types.String   `tfsdk:"resource"`
	Name          types.String   `tfsdk:"name"`
	Kind          types.String   `tfsdk:"kind"`
	Principals    []types.String `tfsdk:"principals"`
	Level         types.String   `tfsdk:"level"`
	AllowDownload types.Bool     `tfsdk:"allow_download"`
	PasswordSet   types.Bool     `tfsdk:"password_set"`
	State         types.String   `tfsdk:"state"`
	CreatedBy     types.String   `tfsdk:"created_by"`
	CreatedAt     types.String   `tfsdk:"created_at"`
	ExpiresAt     types.String   `tfsdk:"expires_at"`
	Tracking      types.Bool     `tfsdk:"tracking"`
	ViewCount     types.Int64    `tfsdk:"view_count"`
	LastAccessAt  types.String   `tfsdk:"last_access_at"`
}

// Metadata names the data source.
func (d *dataShares) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_shares"
}

// Schema describes the filters and the shares.
func (d *dataShares) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Everything that is shared with people outside now: open share links, grants to e-mail addresses and to guests. Counts and times change with every visit; an output of them changes too.",
		Attributes: map[string]schema.Attribute{
			"workspace": workspaceArgument(),
			"resource":  schema.StringAttribute{Optional: true, MarkdownDescription: "Path of the item that is shared itself."},
			"principal": schema.StringAttribute{Optional: true, MarkdownDescription: "Whom it is shared with, e.g. `email:ann@example.org`; of links, their recipients."},
			"limit":     schema.Int64Attribute{Optional: true, MarkdownDescription: "Most shares to read, up to 10000. Default: `1000`."},
			"shares": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "The shares: links, then grants, each in the order of their keys.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"type":           computedString("`link` or `grant`."),
				"id":             computedString("Identifier of the `gatehouse_share_link` or `gatehouse_access_grant`."),
				"key":            computedString("Its natural key."),
				"resource":       computedString("Path of the item."),
				"name":           computedString("Name of the link."),
				"kind":           computedString("Kind of the link, `anyone` or `recipient`."),
				"principals":     schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: "Whom it is for; nobody in particular for anyone links."},
				"level":          computedString("Level, or the role, that it gives."),
				"allow_download": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether originals may be downloaded."},
				"password_set":   schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the link asks for a password."},
				"state":          computedString("`active` or `pending_approval`."),
				"created_by":     computedString("Who made the link."),
				"created_at":     computedString("When (RFC 3339)."),
				"expires_at":     computedString("When it ends (RFC 3339)."),
				"tracking":       schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the sharing policy shows use (`track_external_views`)."},
				"view_count":     schema.Int64Attribute{Computed: true, MarkdownDescription: "Visits made through the link; null for grants, and where use is not shown."},
				"last_access_at": computedString("When it was last used (RFC 3339); of a grant, to within an hour and about a minute late. Null where use is not shown, and where there was none."),
			}}},
		},
	}
}

// Read asks the server, page by page up to the limit.
func (d *dataShares) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m sharesModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	limit, ok := shareLimit(m.Limit, resp)
	if !ok {
		return
	}
	filters := map[string]string{}
	for name, v := range map[string]types.String{"resource": m.Resource, "principal": m.Principal} {
		if v.ValueString() != "" {
			filters[name] = v.ValueString()
		}
	}
	m.Shares = []shareModel{}
	err := d.plane.at(workspace).Shares(ctx, filters, func(s api.Share) bool {
		m.Shares = append(m.Shares, shareOf(&s))
		return len(m.Shares) < limit
	})
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the shares", err)
		return
	}
	m.Workspace = types.StringValue(workspace)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func shareLimit(v types.Int64, resp *datasource.ReadResponse) (int, bool) {
	if v.IsNull() {
		return defaultShares, true
	}
	n := v.ValueInt64()
	if n < 1 || n > maxShares {
		resp.Diagnostics.AddAttributeError(path.Root("limit"), "Invalid limit", "Write a number from 1 to 10000.")
		return 0, false
	}
	return int(n), true
}

func shareOf(s *api.Share) shareModel {
	text := func(v string) types.String {
		if v == "" {
			return types.StringNull()
		}
		return types.StringValue(v)
	}
	m := shareModel{
		Type: text(s.Type), ID: text(s.ID), Key: text(s.Key), Resource: text(s.Resource), Name: text(s.Name), Kind: text(s.Kind), Principals: []types.String{},
		Level: text(s.Level), AllowDownload: types.BoolValue(s.AllowDownload), PasswordSet: types.BoolValue(s.PasswordSet), State: text(s.State),
		CreatedBy: text(s.CreatedBy), CreatedAt: timeText(s.CreatedAt), ExpiresAt: timeText(s.ExpiresAt), Tracking: types.BoolValue(s.Tracking),
		ViewCount: types.Int64PointerValue(s.ViewCount), LastAccessAt: timeText(s.LastAccessAt),
	}
	for _, p := range s.Principals {
		m.Principals = append(m.Principals, types.StringValue(p))
	}
	return m
}
