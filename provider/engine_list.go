package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/list"
	listschema "github.com/hashicorp/terraform-plugin-framework/list/schema"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// kindList lists the objects of a kind for `terraform query` (Terraform 1.14).
type kindList struct {
	*definition
	plane *controlPlane
}

var _ list.ListResourceWithConfigure = (*kindList)(nil)

func (d *definition) list() list.ListResource { return &kindList{definition: d} }

// Metadata names the kind.
func (l *kindList) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = l.typeName()
}

// ListResourceConfigSchema has the workspace and the kind's filters.
func (l *kindList) ListResourceConfigSchema(_ context.Context, _ list.ListResourceSchemaRequest, resp *list.ListResourceSchemaResponse) {
	attrs := map[string]listschema.Attribute{
		attrWorkspace: listschema.StringAttribute{Optional: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."},
	}
	for _, f := range l.filters() {
		doc := "Only those with this value. " + plainDoc(f.Doc)
		if f.Type == api.TypeBool {
			attrs[f.Name] = listschema.BoolAttribute{Optional: true, MarkdownDescription: doc}
		} else {
			attrs[f.Name] = listschema.StringAttribute{Optional: true, MarkdownDescription: doc}
		}
	}
	resp.Schema = listschema.Schema{Attributes: attrs, MarkdownDescription: "Lists " + l.kind.Plural + ", to be imported or looked at. " + l.kind.Doc}
}

// filters are the attributes by which the server can filter the collection.
func (d *definition) filters() []*api.Field {
	var out []*api.Field
	for i := range d.kind.Fields() {
		f := &d.kind.Fields()[i]
		if f.Filter && (f.Type == api.TypeString || f.Type == api.TypeBool) {
			out = append(out, f)
		}
	}
	return out
}

// filterValues reads the filters that are set.
func (d *definition) filterValues(attrs map[string]tftypes.Value) map[string]string {
	out := map[string]string{}
	for _, f := range d.filters() {
		v := attrs[f.Name]
		if v.IsNull() || !v.IsKnown() {
			continue
		}
		if f.Type == api.TypeBool {
			var b bool
			if v.As(&b) == nil {
				out[f.Name] = fmt.Sprint(b)
			}
			continue
		}
		out[f.Name] = canonical(f.Format, stringOf(v))
	}
	return out
}

// Configure receives the control plane.
func (l *kindList) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	l.plane = planeOf(req.ProviderData, &resp.Diagnostics)
}

// List streams the objects, page by page, up to the limit.
func (l *kindList) List(ctx context.Context, req list.ListRequest, stream *list.ListResultsStream) {
	var diags diag.Diagnostics
	if !l.plane.ready(&diags) {
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	attrs := attributesOf(req.Config.Raw)
	workspace := canonical("slug", l.plane.inWorkspace(stringOf(attrs[attrWorkspace])))
	if workspace == "" {
		missingWorkspace(&diags)
		stream.Results = list.ListResultsStreamDiagnostics(diags)
		return
	}
	pageSize := api.MaxPageSize
	if req.Limit > 0 {
		pageSize = int(min(req.Limit, api.MaxPageSize))
	}
	stream.Results = func(push func(list.ListResult) bool) {
		sent, stopped := int64(0), false
		err := l.plane.at(workspace).Each(ctx, l.kind, l.filterValues(attrs), pageSize, func(doc client.Document) bool {
			sent++
			stopped = !push(l.result(ctx, req, workspace, doc))
			return !stopped && (req.Limit <= 0 || sent < req.Limit)
		})
		if err != nil && !stopped {
			var failed list.ListResult
			addProblem(&failed.Diagnostics, "Cannot list "+l.kind.Plural, err)
			push(failed)
		}
	}
}

func (l *kindList) result(ctx context.Context, req list.ListRequest, workspace string, doc client.Document) list.ListResult {
	out := req.NewListResult(ctx)
	out.DisplayName = displayName(doc)
	out.Identity.Raw = l.identityValue(workspace, doc.Key())
	if !req.IncludeResource {
		return out
	}
	typ := req.ResourceSchema.Type().TerraformType(ctx)
	value, err := l.stateFrom(typ, doc, workspace, tftypes.NewValue(typ, nil))
	if err != nil {
		out.Diagnostics.AddError("Cannot read "+l.label(doc.Key()), err.Error())
		return out
	}
	out.Resource.Raw = value
	return out
}

// displayName is what people call the object.
func displayName(doc client.Document) string {
	for _, name := range []string{"display_name", "name"} {
		if s, _ := doc[name].(string); s != "" && s != doc.Key() {
			return fmt.Sprintf("%s (%s)", s, doc.Key())
		}
	}
	return doc.Key()
}
