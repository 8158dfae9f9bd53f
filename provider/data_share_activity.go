package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// dataShareActivity reads who used a share link, and when (C071, C072).
type dataShareActivity struct{ planeData }

type shareActivityModel struct {
	Workspace    types.String     `tfsdk:"workspace"`
	ShareLink    types.String     `tfsdk:"share_link"`
	Limit        types.Int64      `tfsdk:"limit"`
	Tracking     types.Bool       `tfsdk:"tracking"`
	ViewCount    types.Int64      `tfsdk:"view_count"`
	LastAccessAt types.String     `tfsdk:"last_access_at"`
	Views        []shareViewModel `tfsdk:"views"`
}

type shareViewModel struct {
	Viewer   types.String `tfsdk:"viewer"`
	Resource types.String `tfsdk:"resource"`
	FirstAt  types.String `tfsdk:"first_at"`
	LastAt   types.String `tfsdk:"last_at"`
}

// Metadata names the data source.
func (d *dataShareActivity) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_share_activity"
}

// Schema describes the link and its views.
func (d *dataShareActivity) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Who used a share link, and when, newest first. It changes with every visit, so an output of it changes too. Where the sharing policy has `track_external_views = false` it is empty; the audit log (`gatehouse_audit_events`) records external access all the same.",
		Attributes: map[string]schema.Attribute{
			"workspace":      workspaceArgument(),
			"share_link":     schema.StringAttribute{Required: true, MarkdownDescription: "`id` or key of the `gatehouse_share_link`."},
			"limit":          schema.Int64Attribute{Optional: true, MarkdownDescription: "Most views to read, up to 10000. Default: `1000`."},
			"tracking":       schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the sharing policy shows use."},
			"view_count":     schema.Int64Attribute{Computed: true, MarkdownDescription: "Visits made through the link; null where use is not shown."},
			"last_access_at": computedString("When it was last used (RFC 3339)."),
			"views": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "One for each item that a visit looked at.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"viewer":   computedString("`viewer:` and the e-mail address where it was verified, else the device."),
				"resource": computedString("Path of the item."),
				"first_at": computedString("When the visit first looked at it (RFC 3339)."),
				"last_at":  computedString("When it last did, to the minute."),
			}}},
		},
	}
}

// Read asks the server.
func (d *dataShareActivity) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m shareActivityModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	limit, ok := shareLimit(m.Limit, resp)
	if !ok {
		return
	}
	activity, err := d.plane.at(workspace).ShareActivity(ctx, m.ShareLink.ValueString(), limit)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the activity of the share link", err)
		return
	}
	m.Workspace, m.Tracking = types.StringValue(workspace), types.BoolValue(activity.Tracking)
	m.ViewCount, m.LastAccessAt, m.Views = types.Int64PointerValue(activity.ViewCount), timeText(activity.LastAccessAt), []shareViewModel{}
	for _, v := range activity.Items {
		m.Views = append(m.Views, shareViewModel{
			Viewer: types.StringValue(v.Viewer), Resource: types.StringValue(v.Resource),
			FirstAt: types.StringValue(v.FirstAt.UTC().Format(time.RFC3339)), LastAt: types.StringValue(v.LastAt.UTC().Format(time.RFC3339)),
		})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
