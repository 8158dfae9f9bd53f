package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/datasource"
	"github.com/hashicorp/terraform-plugin-framework/datasource/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// dataSources lists the data sources.
func dataSources() []func() datasource.DataSource {
	var out []func() datasource.DataSource
	for _, one := range []kindData{
		{kind: api.WorkspaceKind, by: "slug"}, {kind: api.MemberKind, by: "email"}, {kind: api.TeamKind, by: "slug"}, {kind: api.ProjectKind, by: "path"},
	} {
		out = append(out, func() datasource.DataSource { d := one; return &d })
	}
	for _, kind := range []*api.Kind{api.MemberKind, api.TeamKind, api.ProjectKind} {
		out = append(out, func() datasource.DataSource { return &kindsData{kind: kind} })
	}
	return append(out,
		func() datasource.DataSource { return &dataCurrentPrincipal{} },
		func() datasource.DataSource { return &dataRole{} },
		func() datasource.DataSource { return &dataPermissions{} },
		func() datasource.DataSource { return &dataRegions{} },
		func() datasource.DataSource { return &dataSSOServiceProvider{} },
		func() datasource.DataSource { return &dataSCIMServiceProvider{} },
		func() datasource.DataSource { return &dataAuditEvents{} },
		func() datasource.DataSource { return &dataEffectiveAccess{} },
		func() datasource.DataSource { return &dataAccessDecision{} },
		func() datasource.DataSource { return &dataReviewStatus{} },
		func() datasource.DataSource { return &dataDirectoryGroups{} }, func() datasource.DataSource { return &dataProvisioningEvents{} }, func() datasource.DataSource { return &dataProvisioningHealth{} },
		func() datasource.DataSource { return &dataShares{} },
		func() datasource.DataSource { return &dataPolicyConformance{} },
		func() datasource.DataSource { return &dataShareActivity{} },
	)
}

// planeData is the part that every data source shares: it receives the control plane.
type planeData struct{ plane *controlPlane }

// Configure receives the control plane.
func (d *planeData) Configure(_ context.Context, req datasource.ConfigureRequest, resp *datasource.ConfigureResponse) {
	d.plane = planeOf(req.ProviderData, &resp.Diagnostics)
}

// inWorkspace names the workspace of a read, or reports that none is named.
func (d *planeData) inWorkspace(given types.String, resp *datasource.ReadResponse) (string, bool) {
	if !d.plane.ready(&resp.Diagnostics) {
		return "", false
	}
	workspace := canonical("slug", d.plane.inWorkspace(given.ValueString()))
	if workspace == "" {
		missingWorkspace(&resp.Diagnostics)
		return "", false
	}
	return workspace, true
}

// workspaceArgument is the attribute that names the workspace of a read.
func workspaceArgument() schema.StringAttribute {
	return schema.StringAttribute{Optional: true, Computed: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."}
}

func computedString(doc string) schema.StringAttribute {
	return schema.StringAttribute{Computed: true, MarkdownDescription: doc}
}

func computedStrings(doc string) schema.ListAttribute {
	return schema.ListAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: doc}
}

// readable are the fields of a kind that can be read: no write-only ones.
func readable(fields []api.Field) []api.Field {
	out := make([]api.Field, 0, len(fields))
	for _, f := range fields {
		if f.WriteOnly {
			continue
		}
		f.Fields = readable(f.Fields)
		if len(f.Fields) == 0 {
			f.Fields = nil
		}
		out = append(out, f)
	}
	return out
}

// computedAttributes makes the schema of what is read.
func computedAttributes(fields []api.Field) map[string]schema.Attribute {
	out := make(map[string]schema.Attribute, len(fields))
	for i := range fields {
		f := &fields[i]
		switch {
		case f.Type == api.TypeBool:
			out[f.Name] = schema.BoolAttribute{Computed: true, MarkdownDescription: plainDoc(f.Doc)}
		case f.Type == api.TypeInt:
			out[f.Name] = schema.Int64Attribute{Computed: true, MarkdownDescription: plainDoc(f.Doc)}
		case f.Type == api.TypeMap:
			out[f.Name] = schema.MapAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: plainDoc(f.Doc)}
		case f.Type == api.TypeObject:
			out[f.Name] = schema.SingleNestedAttribute{Computed: true, Attributes: computedAttributes(f.Fields), MarkdownDescription: plainDoc(f.Doc)}
		case f.Type == api.TypeList && f.Fields != nil:
			out[f.Name] = schema.ListNestedAttribute{Computed: true, NestedObject: schema.NestedAttributeObject{Attributes: computedAttributes(f.Fields)}, MarkdownDescription: plainDoc(f.Doc)}
		case isSet(f):
			out[f.Name] = schema.SetAttribute{Computed: true, ElementType: types.StringType, MarkdownDescription: plainDoc(f.Doc)}
		case f.Type == api.TypeList:
			out[f.Name] = computedStrings(plainDoc(f.Doc))
		default:
			out[f.Name] = computedString(plainDoc(f.Doc))
		}
	}
	return out
}

// kindData reads one object of a kind by its natural key.
type kindData struct {
	planeData
	kind *api.Kind
	by   string
}

var _ datasource.DataSourceWithConfigure = (*kindData)(nil)

// Metadata names the data source.
func (d *kindData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_" + d.kind.Name
}

// Schema has the key to give and the attributes of the kind.
func (d *kindData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	attrs := computedAttributes(readable(d.kind.Fields()))
	f := d.kind.Field(d.by)
	attrs[d.by] = schema.StringAttribute{Required: true, CustomType: writtenType{format: f.Format}, MarkdownDescription: plainDoc(f.Doc)}
	attrs[attrID] = computedString("Opaque identifier given by the server.")
	if d.kind != api.WorkspaceKind {
		attrs[attrWorkspace] = workspaceArgument()
	}
	resp.Schema = schema.Schema{Attributes: attrs, MarkdownDescription: "Reads one " + d.kind.Name + ". " + d.kind.Doc}
}

// Read reads the object.
func (d *kindData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	given := attributesOf(req.Config.Raw)
	key := stringOf(given[d.by])
	workspace := key
	if d.kind != api.WorkspaceKind {
		var ok bool
		if workspace, ok = d.inWorkspace(types.StringValue(stringOf(given[attrWorkspace])), resp); !ok {
			return
		}
	} else if !d.plane.ready(&resp.Diagnostics) {
		return
	}
	def := &definition{kind: d.kind}
	doc, err := d.plane.get(ctx, workspace, def, key)
	if err != nil {
		def.addFailure(&resp.Diagnostics, "read", workspace, key, err)
		return
	}
	attrs, err := valuesOf(readable(d.kind.Fields()), doc, map[string]tftypes.Value{d.by: given[d.by]})
	if err != nil {
		resp.Diagnostics.AddError("Cannot read "+def.label(key), err.Error())
		return
	}
	attrs[attrID] = tftypes.NewValue(tftypes.String, doc.ID())
	if d.kind != api.WorkspaceKind {
		attrs[attrWorkspace] = tftypes.NewValue(tftypes.String, workspace)
	}
	resp.State.Raw = tftypes.NewValue(resp.State.Schema.Type().TerraformType(ctx), attrs)
}

// kindsData lists the objects of a kind.
type kindsData struct {
	planeData
	kind *api.Kind
}

var _ datasource.DataSourceWithConfigure = (*kindsData)(nil)

// Metadata names the data source.
func (d *kindsData) Metadata(_ context.Context, _ datasource.MetadataRequest, resp *datasource.MetadataResponse) {
	resp.TypeName = "gatehouse_" + d.kind.Plural
}

// Schema has the filters to give and the list that is read.
func (d *kindsData) Schema(_ context.Context, _ datasource.SchemaRequest, resp *datasource.SchemaResponse) {
	def := &definition{kind: d.kind}
	attrs := map[string]schema.Attribute{attrWorkspace: workspaceArgument()}
	for _, f := range def.filters() {
		doc := "Only those with this value. " + plainDoc(f.Doc)
		if f.Type == api.TypeBool {
			attrs[f.Name] = schema.BoolAttribute{Optional: true, MarkdownDescription: doc}
		} else {
			attrs[f.Name] = schema.StringAttribute{Optional: true, MarkdownDescription: doc}
		}
	}
	element := computedAttributes(readable(d.kind.Fields()))
	element[attrID] = computedString("Opaque identifier given by the server.")
	attrs[d.kind.Plural] = schema.ListNestedAttribute{
		Computed: true, NestedObject: schema.NestedAttributeObject{Attributes: element},
		MarkdownDescription: "All of them, in the order of their keys.",
	}
	resp.Schema = schema.Schema{Attributes: attrs, MarkdownDescription: fmt.Sprintf("Lists %s, all pages of them. %s", d.kind.Plural, d.kind.Doc)}
}

// Read lists the objects.
func (d *kindsData) Read(ctx context.Context, req datasource.ReadRequest, resp *datasource.ReadResponse) {
	given := attributesOf(req.Config.Raw)
	workspace, ok := d.inWorkspace(types.StringValue(stringOf(given[attrWorkspace])), resp)
	if !ok {
		return
	}
	def := &definition{kind: d.kind}
	docs, err := d.plane.at(workspace).List(ctx, d.kind, def.filterValues(given))
	if err != nil {
		addProblem(&resp.Diagnostics, "Cannot list "+d.kind.Plural, err)
		return
	}
	fields := readable(d.kind.Fields())
	whole := resp.State.Schema.Type().TerraformType(ctx).(tftypes.Object)
	list := whole.AttributeTypes[d.kind.Plural].(tftypes.List)
	elements := make([]tftypes.Value, 0, len(docs))
	for _, doc := range docs {
		attrs, err := valuesOf(fields, doc, nil)
		if err != nil {
			resp.Diagnostics.AddError("Cannot read "+def.label(doc.Key()), err.Error())
			return
		}
		attrs[attrID] = tftypes.NewValue(tftypes.String, doc.ID())
		elements = append(elements, tftypes.NewValue(list.ElementType, attrs))
	}
	given[attrWorkspace] = tftypes.NewValue(tftypes.String, workspace)
	given[d.kind.Plural] = tftypes.NewValue(list, elements)
	resp.State.Raw = tftypes.NewValue(whole, given)
}
