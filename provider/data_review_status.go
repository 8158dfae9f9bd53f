package provider

import (
	"context"
	"time"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// dataReviewStatus reads how far a review is (C081).
type dataReviewStatus struct{ planeData }

type reviewStatusModel struct {
	Workspace  types.String    `tfsdk:"workspace"`
	Review     types.String    `tfsdk:"review"`
	Item       types.String    `tfsdk:"item"`
	Name       types.String    `tfsdk:"name"`
	State      types.String    `tfsdk:"state"`
	Outcome    types.String    `tfsdk:"outcome"`
	Overdue    types.Bool      `tfsdk:"overdue"`
	DueAt      types.String    `tfsdk:"due_at"`
	Comments   types.Int64     `tfsdk:"comments"`
	Unresolved types.Int64     `tfsdk:"unresolved"`
	Reviewers  []reviewerModel `tfsdk:"reviewers"`
}

type reviewerModel struct {
	Reviewer      types.String `tfsdk:"reviewer"`
	NotifiedAt    types.String `tfsdk:"notified_at"`
	ViewedAt      types.String `tfsdk:"viewed_at"`
	Comments      types.Int64  `tfsdk:"comments"`
	LastCommentAt types.String `tfsdk:"last_comment_at"`
	Verdict       types.String `tfsdk:"verdict"`
	VerdictAt     types.String `tfsdk:"verdict_at"`
	Verdicts      types.Int64  `tfsdk:"verdicts"`
	CanReview     types.Bool   `tfsdk:"can_review"`
}

// Metadata names the data source.
func (d *dataReviewStatus) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_review_status"
}

// Schema describes what is read.
func (d *dataReviewStatus) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "How far a review is: verdict, comments and first look of each reviewer. Reviews are made by people at work, not declared; use this in a `check` or a `precondition` to wait for an approval.",
		Attributes: map[string]schema.Attribute{
			"workspace":  workspaceArgument(),
			"review":     schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Id of the review. Write this or `item`."},
			"item":       schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Path of an item: the newest of its reviews that was not cancelled. Write this or `review`."},
			"name":       computedString("What the review is called."),
			"state":      computedString("`open`, `closed` or `cancelled`."),
			"outcome":    computedString("`approved` when every reviewer approved, `needs_changes` as soon as one wants changes, else `pending`."),
			"overdue":    schema.BoolAttribute{Computed: true, MarkdownDescription: "It is open, `due_at` has passed, and a verdict is missing."},
			"due_at":     computedString("Until when verdicts are wanted (RFC 3339); null when no date was set."),
			"comments":   schema.Int64Attribute{Computed: true, MarkdownDescription: "Comments in the review."},
			"unresolved": schema.Int64Attribute{Computed: true, MarkdownDescription: "Threads in the review that are open."},
			"reviewers": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "The reviewers, in the order in which they were named.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"reviewer":        computedString("E-mail address."),
				"notified_at":     computedString("When the request went to the reviewer's inbox."),
				"viewed_at":       computedString("When the reviewer first looked at it; null before."),
				"comments":        schema.Int64Attribute{Computed: true, MarkdownDescription: "Comments of the reviewer in the review."},
				"last_comment_at": computedString("When the reviewer last commented in it; null before."),
				"verdict":         computedString("`approved` or `needs_changes`; null while there is none."),
				"verdict_at":      computedString("When the verdict was given; null while there is none."),
				"verdicts":        schema.Int64Attribute{Computed: true, MarkdownDescription: "How many verdicts the reviewer gave; the last counts."},
				"can_review":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the reviewer may still comment on the item; false for those who lost access."},
			}}},
		},
	}
}

// Read asks the server.
func (d *dataReviewStatus) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m reviewStatusModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	id := m.Review.ValueString()
	if (id == "") == (m.Item.ValueString() == "") {
		resp.Diagnostics.AddAttributeError(path.Root("review"), "Which review?", "Write either review, the id of one, or item, the path of an item whose newest review is meant.")
		return
	}
	if id == "" {
		err := d.plane.at(workspace).Reviews(ctx, map[string]string{"item": m.Item.ValueString()}, func(r api.Review) bool {
			if r.State != api.ReviewCancelled {
				id = r.ID
			}
			return true
		})
		if err != nil {
			addProblem(&resp.Diagnostics, "Cannot list the reviews of "+m.Item.ValueString(), err)
			return
		}
		if id == "" {
			resp.Diagnostics.AddAttributeError(path.Root("item"), "No review of "+m.Item.ValueString(), "Nobody has asked for a review of this item, or the token may not read it.")
			return
		}
	}
	status, err := d.plane.at(workspace).ReviewStatus(ctx, id)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the status of review "+id, err)
		return
	}
	if m.Item.IsNull() {
		m.Item = types.StringValue(status.Item)
	}
	m.Workspace, m.Review = types.StringValue(workspace), types.StringValue(status.ID)
	m.Name, m.State, m.Outcome = types.StringValue(status.Name), types.StringValue(status.State), types.StringValue(status.Outcome)
	m.Overdue, m.DueAt = types.BoolValue(status.Overdue), timeValue(status.DueAt)
	m.Comments, m.Unresolved = types.Int64Value(status.Comments), types.Int64Value(status.Unresolved)
	m.Reviewers = make([]reviewerModel, len(status.Reviewers))
	for i, r := range status.Reviewers {
		m.Reviewers[i] = reviewerModel{
			Reviewer: types.StringValue(r.Reviewer), NotifiedAt: timeValue(r.NotifiedAt), ViewedAt: timeValue(r.ViewedAt),
			Comments: types.Int64Value(r.Comments), LastCommentAt: timeValue(r.LastCommentAt), VerdictAt: timeValue(r.VerdictAt),
			Verdicts: types.Int64Value(r.Verdicts), CanReview: types.BoolValue(r.CanReview),
		}
		if r.Verdict != "" {
			m.Reviewers[i].Verdict = types.StringValue(r.Verdict)
		}
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// timeValue writes a time as Terraform keeps it; null for none.
func timeValue(t *time.Time) types.String {
	if t == nil {
		return types.StringNull()
	}
	return types.StringValue(t.UTC().Format(time.RFC3339))
}
