package provider

import (
	"context"
	"encoding/json"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// dataAuditEvents reads audit events by user, action and date (C049).
type dataAuditEvents struct{ planeData }

const (
	defaultAuditEvents = 100
	maxAuditEvents     = 5000
)

type auditEventsModel struct {
	Workspace  types.String      `tfsdk:"workspace"`
	Actor      types.String      `tfsdk:"actor"`
	Action     types.String      `tfsdk:"action"`
	Family     types.String      `tfsdk:"family"`
	TargetKind types.String      `tfsdk:"target_kind"`
	Target     types.String      `tfsdk:"target"`
	Door       types.String      `tfsdk:"door"`
	From       types.String      `tfsdk:"from"`
	To         types.String      `tfsdk:"to"`
	Limit      types.Int64       `tfsdk:"limit"`
	Events     []auditEventModel `tfsdk:"events"`
}

type auditEventModel struct {
	ID          types.String `tfsdk:"id"`
	Time        types.String `tfsdk:"time"`
	Actor       types.String `tfsdk:"actor"`
	Door        types.String `tfsdk:"door"`
	Action      types.String `tfsdk:"action"`
	Effect      types.String `tfsdk:"effect"`
	TargetKind  types.String `tfsdk:"target_kind"`
	Target      types.String `tfsdk:"target"`
	Before      types.String `tfsdk:"before"`
	After       types.String `tfsdk:"after"`
	Commit      types.String `tfsdk:"commit"`
	PullRequest types.String `tfsdk:"pull_request"`
	RequestID   types.String `tfsdk:"request_id"`
}

// auditEvent is the part of an event that is read.
type auditEvent struct {
	ID     string                     `json:"id"`
	Time   string                     `json:"time"`
	Actor  struct{ Kind, Key string } `json:"actor"`
	Door   string                     `json:"door"`
	Action string                     `json:"action"`
	Effect string                     `json:"effect"`
	Target struct{ Kind, Key string } `json:"target"`
	Before json.RawMessage            `json:"before"`
	After  json.RawMessage            `json:"after"`
	Change struct {
		Commit      string `json:"commit"`
		PullRequest string `json:"pull_request"`
	} `json:"change"`
	RequestID string `json:"request_id"`
}

// Metadata names the data source.
func (d *dataAuditEvents) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_audit_events"
}

// Schema describes the filters and the events.
func (d *dataAuditEvents) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	filter := func(doc string) schema.StringAttribute {
		return schema.StringAttribute{Optional: true, MarkdownDescription: doc}
	}
	resp.Schema = schema.Schema{
		MarkdownDescription: "Events of the audit log, newest first. The log grows with every change, so an output of this data source changes too: give `from` and `to` where that matters.",
		Attributes: map[string]schema.Attribute{
			"workspace":   workspaceArgument(),
			"actor":       filter("Who acted: e-mail, slug or principal."),
			"action":      filter("What was done, exact or a prefix such as `sso.*`."),
			"family":      filter("Family of actions, e.g. `members`, `permissions`, `settings`, `sso`."),
			"target_kind": filter("Kind of what was acted on, e.g. `sharing_policy`."),
			"target":      filter("Key of what was acted on."),
			"door":        filter("Way in: `rest`, `scim`, `web`, `cli` or `system`."),
			"from":        filter("Earliest time (RFC 3339), inclusive."),
			"to":          filter("Latest time (RFC 3339), exclusive."),
			"limit":       schema.Int64Attribute{Optional: true, MarkdownDescription: "Most events to read, up to 5000. Default: `100`."},
			"events": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "The events.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"id":           computedString("Identifier of the event."),
				"time":         computedString("When (RFC 3339)."),
				"actor":        computedString("Who, as `kind:key`."),
				"door":         computedString("Way in."),
				"action":       computedString("What was done."),
				"effect":       computedString("What it did to access, `widened`, `narrowed`, `neutral` or `unknown`."),
				"target_kind":  computedString("Kind of what was acted on."),
				"target":       computedString("Key of what was acted on."),
				"before":       computedString("The object before, as JSON without secrets."),
				"after":        computedString("The object after, as JSON without secrets."),
				"commit":       computedString("Commit that the change was applied from."),
				"pull_request": computedString("Pull request that was approved."),
				"request_id":   computedString("Request."),
			}}},
		},
	}
}

// Read asks the server, page by page up to the limit.
func (d *dataAuditEvents) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m auditEventsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	limit := int64(defaultAuditEvents)
	if !m.Limit.IsNull() {
		if limit = m.Limit.ValueInt64(); limit < 1 || limit > maxAuditEvents {
			resp.Diagnostics.AddAttributeError(path.Root("limit"), "Invalid limit", "Write a number from 1 to 5000; for the whole log use an audit export.")
			return
		}
	}
	filters := map[string]string{}
	for name, v := range map[string]types.String{
		"actor": m.Actor, "action": m.Action, "family": m.Family, "target_kind": m.TargetKind, "target": m.Target, "door": m.Door, "from": m.From, "to": m.To,
	} {
		if v.ValueString() != "" {
			filters[name] = v.ValueString()
		}
	}
	m.Events = []auditEventModel{}
	var broken error
	err := d.plane.at(workspace).AuditEvents(ctx, filters, func(raw json.RawMessage) bool {
		var e auditEvent
		if broken = json.Unmarshal(raw, &e); broken != nil {
			return false
		}
		m.Events = append(m.Events, e.model())
		return int64(len(m.Events)) < limit
	})
	if err == nil {
		err = broken
	}
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the audit events", err)
		return
	}
	m.Workspace = types.StringValue(workspace)
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

func (e *auditEvent) model() auditEventModel {
	s := types.StringValue
	return auditEventModel{
		ID: s(e.ID), Time: s(e.Time), Actor: s(e.Actor.Kind + ":" + e.Actor.Key), Door: s(e.Door), Action: s(e.Action), Effect: s(e.Effect),
		TargetKind: s(e.Target.Kind), Target: s(e.Target.Key), Before: s(string(e.Before)), After: s(string(e.After)),
		Commit: s(e.Change.Commit), PullRequest: s(e.Change.PullRequest), RequestID: s(e.RequestID),
	}
}
