package provider

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// dataCurrentPrincipal says who the token stands for.
type dataCurrentPrincipal struct{ planeData }

type currentPrincipalModel struct {
	Principal     types.String `tfsdk:"principal"`
	PrincipalID   types.String `tfsdk:"principal_id"`
	Workspace     types.String `tfsdk:"workspace"`
	WorkspaceRole types.String `tfsdk:"workspace_role"`
	TokenID       types.String `tfsdk:"token_id"`
	Scopes        types.List   `tfsdk:"scopes"`
	ReadOnly      types.Bool   `tfsdk:"read_only"`
	Permissions   types.List   `tfsdk:"permissions"`
}

// Metadata names the data source.
func (d *dataCurrentPrincipal) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_current_principal"
}

// Schema describes what is read.
func (d *dataCurrentPrincipal) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Who the provider's token stands for and what it may do. Use it in a `check` block to be told early that a token cannot do what a configuration needs.",
		Attributes: map[string]schema.Attribute{
			"principal":      computedString("Principal, e.g. `service_account:ci`."),
			"principal_id":   computedString("Opaque identifier of the principal."),
			"workspace":      computedString("Workspace that the token is for; empty for an operator."),
			"workspace_role": computedString("Workspace role of the principal."),
			"token_id":       computedString("Identifier of the token; never its value."),
			"scopes":         computedStrings("Permissions that the token may use at most."),
			"read_only":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the token can only read."},
			"permissions":    computedStrings("Workspace permissions that the token has in fact."),
		},
	}
}

// Read asks the server.
func (d *dataCurrentPrincipal) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.plane.ready(&resp.Diagnostics) {
		return
	}
	who, err := d.plane.client.WhoAmI(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot tell who the token is", err)
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, currentPrincipalModel{
		Principal: types.StringValue(who.Principal), PrincipalID: types.StringValue(who.PrincipalID),
		Workspace: types.StringValue(who.Workspace), WorkspaceRole: types.StringValue(who.WorkspaceRole), TokenID: types.StringValue(who.TokenID),
		Scopes: stringList(who.Scopes), ReadOnly: types.BoolValue(who.ReadOnly), Permissions: stringList(who.Permissions),
	})...)
}

// dataRole reads a role, built-in or custom.
type dataRole struct{ planeData }

type roleModel struct {
	Workspace   types.String `tfsdk:"workspace"`
	Name        types.String `tfsdk:"name"`
	BuiltIn     types.Bool   `tfsdk:"built_in"`
	Description types.String `tfsdk:"description"`
	BaseLevel   types.String `tfsdk:"base_level"`
	Permissions types.List   `tfsdk:"permissions"`
}

// Metadata names the data source.
func (d *dataRole) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_role"
}

// Schema describes what is read.
func (d *dataRole) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "Reads one role, built-in (viewer, commenter, editor, manager, admin) or custom.",
		Attributes: map[string]schema.Attribute{
			"workspace":   workspaceArgument(),
			"name":        schema.StringAttribute{Required: true, CustomType: writtenType{format: "slug"}, MarkdownDescription: "Name of the role."},
			"built_in":    schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether the role is one of the five that every workspace has."},
			"description": computedString("What the role is for."),
			"base_level":  computedString("Level that the role gives on its scope."),
			"permissions": computedStrings("Permissions that `base_level` includes; statements of a custom role add and deny by path."),
		},
	}
}

// Read looks the role up in the catalogue of the workspace.
func (d *dataRole) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	given := attributesOf(req.Config.Raw)
	workspace, ok := d.inWorkspace(types.StringValue(stringOf(given[attrWorkspace])), resp)
	if !ok {
		return
	}
	roles, err := d.plane.at(workspace).Roles(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the roles", err)
		return
	}
	name := stringOf(given["name"])
	i := slices.IndexFunc(roles, func(r client.Role) bool { return strings.EqualFold(r.Name, name) })
	if i < 0 {
		known := make([]string, len(roles))
		for i, r := range roles {
			known[i] = r.Name
		}
		resp.Diagnostics.AddAttributeError(path.Root("name"), "There is no such role", "The roles of this workspace are "+strings.Join(known, ", ")+".")
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, roleModel{
		Workspace: types.StringValue(workspace), Name: types.StringValue(name), BuiltIn: types.BoolValue(roles[i].BuiltIn),
		Description: types.StringValue(roles[i].Description), BaseLevel: types.StringValue(roles[i].BaseLevel), Permissions: stringList(roles[i].Permissions),
	})...)
}

// dataPermissions reads the catalogue of permissions.
type dataPermissions struct{ planeData }

type permissionModel struct {
	Name           types.String `tfsdk:"name"`
	Description    types.String `tfsdk:"description"`
	Scope          types.String `tfsdk:"scope"`
	MinLevel       types.String `tfsdk:"min_level"`
	WorkspaceRoles types.List   `tfsdk:"workspace_roles"`
}

// Metadata names the data source.
func (d *dataPermissions) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_permissions"
}

// Schema describes what is read.
func (d *dataPermissions) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The catalogue of permissions: what custom roles and token scopes are made of.",
		Attributes: map[string]schema.Attribute{
			"pattern": schema.StringAttribute{Optional: true, MarkdownDescription: "Only those that this pattern covers, e.g. `share_link.*`."},
			"permissions": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "Permissions, by name.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"name":            computedString("Name, e.g. `asset.read`."),
				"description":     computedString("What a holder may do."),
				"scope":           computedString("`item` when levels decide, `workspace` when workspace roles do."),
				"min_level":       computedString("Lowest level that includes an item permission."),
				"workspace_roles": computedStrings("Workspace roles that have a workspace permission without any custom role."),
			}}},
		},
	}
}

// Read asks the server.
func (d *dataPermissions) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.plane.ready(&resp.Diagnostics) {
		return
	}
	pattern := stringOf(attributesOf(req.Config.Raw)["pattern"])
	all, err := d.plane.client.Permissions(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the permissions", err)
		return
	}
	out := struct {
		Pattern     types.String      `tfsdk:"pattern"`
		Permissions []permissionModel `tfsdk:"permissions"`
	}{Pattern: types.StringNull(), Permissions: []permissionModel{}}
	if pattern != "" {
		out.Pattern = types.StringValue(pattern)
	}
	for _, p := range all {
		if pattern != "" && !vocabulary.MatchPermission(pattern, p.Name) {
			continue
		}
		out.Permissions = append(out.Permissions, permissionModel{
			Name: types.StringValue(p.Name), Description: types.StringValue(p.Description), Scope: types.StringValue(p.Scope),
			MinLevel: types.StringValue(p.MinLevel), WorkspaceRoles: stringList(p.WorkspaceRoles),
		})
	}
	if pattern != "" && len(out.Permissions) == 0 {
		resp.Diagnostics.AddAttributeError(path.Root("pattern"), "No permission matches", "Write a name, a prefix with .* such as share_link.*, or leave it out to see all.")
		return
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, out)...)
}

// dataRegions reads the regions.
type dataRegions struct{ planeData }

type regionModel struct {
	Code    types.String `tfsdk:"code"`
	Name    types.String `tfsdk:"name"`
	Country types.String `tfsdk:"country"`
	EU      types.Bool   `tfsdk:"eu"`
	Status  types.String `tfsdk:"status"`
}

// Metadata names the data source.
func (d *dataRegions) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_regions"
}

// Schema describes what is read.
func (d *dataRegions) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	resp.Schema = schema.Schema{
		MarkdownDescription: "The regions where data may be stored, in service and planned.",
		Attributes: map[string]schema.Attribute{
			"available": computedStrings("Codes of the regions in service."),
			"regions": schema.ListNestedAttribute{Computed: true, MarkdownDescription: "All regions.", NestedObject: schema.NestedAttributeObject{Attributes: map[string]schema.Attribute{
				"code":    computedString("Code, e.g. `eu-frankfurt`."),
				"name":    computedString("City."),
				"country": computedString("ISO 3166-1 alpha-2 country code."),
				"eu":      schema.BoolAttribute{Computed: true, MarkdownDescription: "Whether it lies in the European Union."},
				"status":  computedString("`available` or `planned`."),
			}}},
		},
	}
}

// Read asks the server.
func (d *dataRegions) Read(ctx context.Context, _ datasource.ReadRequest, resp *datasource.ReadResponse) {
	if !d.plane.ready(&resp.Diagnostics) {
		return
	}
	all, err := d.plane.client.Regions(ctx)
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot read the regions", err)
		return
	}
	var out struct {
		Available []string      `tfsdk:"available"`
		Regions   []regionModel `tfsdk:"regions"`
	}
	for _, r := range all {
		if r.Status == "available" {
			out.Available = append(out.Available, r.Code)
		}
		out.Regions = append(out.Regions, regionModel{
			Code: types.StringValue(r.Code), Name: types.StringValue(r.Name), Country: types.StringValue(r.Country),
			EU: types.BoolValue(r.EU), Status: types.StringValue(r.Status),
		})
	}
	resp.Diagnostics.Append(resp.State.Set(ctx, out)...)
}
