package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

func computedNumber(doc string) schema.Int64Attribute {
	return schema.Int64Attribute{Computed: true, MarkdownDescription: doc}
}

func listOfObjects(doc string, attributes map[string]schema.Attribute) schema.ListNestedAttribute {
	return schema.ListNestedAttribute{Computed: true, MarkdownDescription: doc, NestedObject: schema.NestedAttributeObject{Attributes: attributes}}
}

// dataDirectoryGroups lists the groups that identity providers pushed.
type dataDirectoryGroups struct{ planeData }

type directoryGroupsModel struct {
	Workspace  types.String          `tfsdk:"workspace"`
	Connection types.String          `tfsdk:"connection_name"`
	Mapped     types.Bool            `tfsdk:"mapped"`
	Groups     []directoryGroupModel `tfsdk:"groups"`
}

type directoryGroupModel struct {
	ID          types.String `tfsdk:"id"`
	Connection  types.String `tfsdk:"connection_name"`
	DisplayName types.String `tfsdk:"display_name"`
	ExternalID  types.String `tfsdk:"external_id"`
	Members     types.Int64  `tfsdk:"members"`
	Mapped      types.Bool   `tfsdk:"mapped"`
	UpdatedAt   types.String `tfsdk:"updated_at"`
}

// Metadata names the data source.
func (d *dataDirectoryGroups) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_directory_groups"
}

// Schema describes what is read.
func (d *dataDirectoryGroups) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The groups that identity providers pushed. Groups without a `gatehouse_scim_group_mapping` mean nothing here; use `mapped = false` to find them.",
		Attributes: map[string]schema.Attribute{
			"workspace":       workspaceArgument(),
			"connection_name": schema.StringAttribute{Optional: true, MarkdownDescription: "Only those of this connection."},
			"mapped":          schema.BoolAttribute{Optional: true, MarkdownDescription: "Only those with a mapping, or only those without."},
			"groups": listOfObjects("The groups, the oldest first.", map[string]schema.Attribute{
				"id": computedString("Id of the group."), "connection_name": computedString("Connection that pushed it."),
				"display_name": computedString("Its name at the identity provider."), "external_id": computedString("Its id at the identity provider; null where it gave none."),
				"members": computedNumber("People in it."), "mapped": schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether a mapping gives it a meaning."},
				"updated_at": computedString("Last change (RFC 3339)."),
			}),
		},
	}
}

// Read asks the server.
func (d *dataDirectoryGroups) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m directoryGroupsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	groups, err := d.plane.at(workspace).DirectoryGroups(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot list the pushed groups", err)
		return
	}
	m.Workspace, m.Groups = types.StringValue(workspace), []directoryGroupModel{}
	for _, g := range groups {
		if m.Connection.ValueString() != "" && g.Connection != m.Connection.ValueString() || !m.Mapped.IsNull() && g.Mapped != m.Mapped.ValueBool() {
			continue
		}
		m.Groups = append(m.Groups, directoryGroupModel{ID: types.StringValue(g.ID), Connection: types.StringValue(g.Connection), DisplayName: types.StringValue(g.DisplayName),
			ExternalID: textOrNull(g.ExternalID), Members: types.Int64Value(g.Members), Mapped: types.BoolValue(g.Mapped), UpdatedAt: timeValue(&g.UpdatedAt)})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// textOrNull is null for what is not there.
func textOrNull(s string) types.String {
	if s == "" {
		return types.StringNull()
	}
	return types.StringValue(s)
}

// dataProvisioningEvents lists what identity providers pushed.
type dataProvisioningEvents struct{ planeData }

type provisioningEventsModel struct {
	Workspace  types.String             `tfsdk:"workspace"`
	Connection types.String             `tfsdk:"connection_name"`
	Outcome    types.String             `tfsdk:"outcome"`
	Waiting    types.Bool               `tfsdk:"waiting"`
	Limit      types.Int64              `tfsdk:"limit"`
	Events     []provisioningEventModel `tfsdk:"events"`
}

type provisioningEventModel struct {
	ID         types.String `tfsdk:"id"`
	Connection types.String `tfsdk:"connection_name"`
	Time       types.String `tfsdk:"time"`
	Operation  types.String `tfsdk:"operation"`
	Target     types.String `tfsdk:"target"`
	Outcome    types.String `tfsdk:"outcome"`
	Status     types.Int64  `tfsdk:"status"`
	Detail     types.String `tfsdk:"detail"`
}

// Metadata names the data source.
func (d *dataProvisioningEvents) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_provisioning_events"
}

const (
	usualEvents = 100
	mostEvents  = 1000
)

// Schema describes what is read.
func (d *dataProvisioningEvents) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "What identity providers pushed and what became of it, the newest first. Use `waiting = true` in a `check` to notice changes that wait for a human decision.",
		Attributes: map[string]schema.Attribute{
			"workspace":       workspaceArgument(),
			"connection_name": schema.StringAttribute{Optional: true, MarkdownDescription: "Only those of this connection."},
			"outcome":         schema.StringAttribute{Optional: true, MarkdownDescription: "Only those that were `applied`, `quarantined`, `failed` or `ignored`."},
			"waiting":         schema.BoolAttribute{Optional: true, MarkdownDescription: "Only held changes that wait for a human decision, each once."},
			"limit":           schema.Int64Attribute{Optional: true, MarkdownDescription: "How many at most, from 1 to 1000; 100 when absent."},
			"events": listOfObjects("The events.", map[string]schema.Attribute{
				"id": computedString("Id of the event."), "connection_name": computedString("Connection that pushed."), "time": computedString("When (RFC 3339)."),
				"operation": computedString("`join`, `rejoin`, `update`, `rename`, `leave`, `group_create`, `group_update`, `group_delete` or `request`."),
				"target":    computedString("Id of the person or group; null where there was none."), "outcome": computedString("What became of it."),
				"status": computedNumber("HTTP status of the answer."), "detail": computedString("What was done, or why not; null for nothing to say."),
			}),
		},
	}
}

// Read asks the server.
func (d *dataProvisioningEvents) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m provisioningEventsModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	limit := usualEvents
	if !m.Limit.IsNull() {
		if limit = int(m.Limit.ValueInt64()); limit < 1 || limit > mostEvents {
			resp.Diagnostics.AddAttributeError(path.Root("limit"), "The limit is out of range", "Write a number from 1 to 1000.")
			return
		}
	}
	filters := map[string]string{}
	for name, value := range map[string]types.String{"connection": m.Connection, "outcome": m.Outcome} {
		if value.ValueString() != "" {
			filters[name] = value.ValueString()
		}
	}
	if m.Waiting.ValueBool() {
		filters["waiting"] = "true"
	}
	events := []provisioningEventModel{}
	err := d.plane.at(workspace).ProvisioningEvents(ctx, filters, func(e client.ProvisioningEvent) bool {
		events = append(events, provisioningEventModel{ID: types.StringValue(e.ID), Connection: types.StringValue(e.Connection), Time: timeValue(&e.Time), Operation: types.StringValue(e.Operation),
			Target: textOrNull(e.Target), Outcome: types.StringValue(e.Outcome), Status: types.Int64Value(e.Status), Detail: textOrNull(e.Detail)})
		return len(events) < limit
	})
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot list what was pushed", err)
		return
	}
	m.Workspace, m.Events = types.StringValue(workspace), events
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}

// dataProvisioningHealth tells how each connection does.
type dataProvisioningHealth struct{ planeData }

type provisioningHealthModel struct {
	Workspace   types.String  `tfsdk:"workspace"`
	Connections []healthModel `tfsdk:"connections"`
}

type healthModel struct {
	Connection     types.String       `tfsdk:"connection_name"`
	State          types.String       `tfsdk:"state"`
	LastRequestAt  types.String       `tfsdk:"last_request_at"`
	LastSuccessAt  types.String       `tfsdk:"last_success_at"`
	LastFailureAt  types.String       `tfsdk:"last_failure_at"`
	LagSeconds     types.Int64        `tfsdk:"lag_seconds"`
	Applied        types.Int64        `tfsdk:"applied"`
	Waiting        types.Int64        `tfsdk:"waiting"`
	People         types.Int64        `tfsdk:"people"`
	Groups         types.Int64        `tfsdk:"groups"`
	TokenExpiresAt types.String       `tfsdk:"expires_at"`
	Errors         []healthErrorModel `tfsdk:"errors"`
}

type healthErrorModel struct {
	Status types.Int64  `tfsdk:"status"`
	Count  types.Int64  `tfsdk:"count"`
	Detail types.String `tfsdk:"detail"`
}

// Metadata names the data source.
func (d *dataProvisioningHealth) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_provisioning_health"
}

// Schema describes what is read.
func (d *dataProvisioningHealth) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "How each provisioning connection does: whether it succeeds, for how long it has been refused, and what waits for a human decision.",
		Attributes: map[string]schema.Attribute{
			"workspace": workspaceArgument(),
			"connections": listOfObjects("The connections that have a SCIM token, in the order of their names.", map[string]schema.Attribute{
				"connection_name": computedString("Name of the connection."),
				"state":           computedString("`healthy`, `new`, `silent` (nothing for a day), `held` (changes wait for a decision), `failing` or `expired`: the worst that holds."),
				"last_request_at": computedString("Last request that left an event; null before the first."), "last_success_at": computedString("Last success; null before the first."),
				"last_failure_at": computedString("Last refusal; null when there was none."), "lag_seconds": computedNumber("For how long requests have been refused since the last success; 0 when the last one succeeded."),
				"applied": computedNumber("Changes applied within 24 hours."), "waiting": computedNumber("Held changes that wait for a human decision."),
				"people": computedNumber("People that it provisions."), "groups": computedNumber("Groups that it pushed."), "expires_at": computedString("When the last of its SCIM tokens expires."),
				"errors": listOfObjects("Refusals within 24 hours, by status.", map[string]schema.Attribute{
					"status": computedNumber("HTTP status of the answers."), "count": computedNumber("How many."), "detail": computedString("What the latest of them said."),
				}),
			}),
		},
	}
}

// Read asks the server.
func (d *dataProvisioningHealth) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	var m provisioningHealthModel
	resp.Diagnostics.Append(req.Config.Get(ctx, &m)...)
	workspace, ok := d.inWorkspace(m.Workspace, resp)
	if !ok || resp.Diagnostics.HasError() {
		return
	}
	all, err := d.plane.at(workspace).ProvisioningHealth(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read how provisioning does", err)
		return
	}
	m.Workspace, m.Connections = types.StringValue(workspace), []healthModel{}
	for _, h := range all {
		one := healthModel{Connection: types.StringValue(h.Connection), State: types.StringValue(h.State), LastRequestAt: timeValue(h.LastRequestAt), LastSuccessAt: timeValue(h.LastSuccessAt), LastFailureAt: timeValue(h.LastFailureAt),
			LagSeconds: types.Int64Value(h.LagSeconds), Applied: types.Int64Value(h.Applied), Waiting: types.Int64Value(h.Waiting), People: types.Int64Value(h.People), Groups: types.Int64Value(h.Groups),
			TokenExpiresAt: timeValue(h.TokenExpiresAt), Errors: []healthErrorModel{}}
		for _, e := range h.Errors {
			one.Errors = append(one.Errors, healthErrorModel{types.Int64Value(e.Status), types.Int64Value(e.Count), types.StringValue(e.Detail)})
		}
		m.Connections = append(m.Connections, one)
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, m)...)
}
