package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/resource/identityschema"
	"github.com/hashicorp/terraform-plugin-framework/resource/schema"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// resourceOptions is what is special about a kind as a resource. Everything else
// is derived from the kind.
type resourceOptions struct {
	// Description is Markdown after the kind's sentence.
	Description string
	// Hints are appended to refusals of an attribute, by JSON pointer.
	Hints map[string]string
	// Check finds what is wrong with the values that are known, without the server.
	// Attributes that are not known yet are absent.
	Check func(doc map[string]any) []api.Violation
	// Guard looks at a planned change together with the live object; live is nil
	// when there is none.
	Guard func(p *controlPlane, planned, live map[string]any) diag.Diagnostics
	// Preview asks the server what a planned document means for what exists, and Gone
	// what its deletion means.
	Preview, Gone func(ctx context.Context, p *controlPlane, workspace string, doc client.Document) diag.Diagnostics
	// Beside looks at a planned document together with what else the same plan makes.
	Beside func(m *memory, workspace string, planned map[string]any) diag.Diagnostics
	// KeyForm says in words what the natural key looks like; "the name" when empty.
	KeyForm string
	// Stable are read-only attributes that an update does not change.
	Stable []string
	// SCIMOwned are attributes that an identity provider decides for objects whose
	// source is scim, unless the configuration insists (RESOURCES.md section 0).
	SCIMOwned []string
	// Renames is the attribute by which objects are named and an identity provider calls
	// them otherwise: the same object under another name is never replaced.
	Renames string
	// Reading adapts an answer of the server before it becomes state.
	Reading func(doc client.Document, prior map[string]tftypes.Value) client.Document
	// Own are attributes that the server knows nothing of.
	Own map[string]schema.Attribute
	// Create replaces the request that makes the object.
	Create func(ctx context.Context, p *controlPlane, doc client.Document, attrs map[string]tftypes.Value) (client.Document, error)
	// List offers the kind to `terraform query`.
	List bool
}

// definition is a kind together with its options: one resource type.
type definition struct {
	kind *api.Kind
	opts resourceOptions
}

var definitions = map[string]*definition{}

// resourceFor registers the resource of a kind. It is called once per kind, from
// the package variable in resource_<kind>.go.
func resourceFor(kind *api.Kind, opts resourceOptions) *definition {
	if _, dup := definitions[kind.Name]; dup {
		panic("provider: resource registered twice: " + kind.Name)
	}
	d := &definition{kind: kind, opts: opts}
	definitions[kind.Name] = d
	return d
}

func definitionsByName() []*definition {
	out := make([]*definition, 0, len(definitions))
	for _, d := range definitions {
		out = append(out, d)
	}
	sort.Slice(out, func(i, j int) bool { return out[i].kind.Name < out[j].kind.Name })
	return out
}

// Attributes that every resource has beside those of its kind.
const (
	attrID        = "id"
	attrWorkspace = "workspace"
	attrAdopt     = "adopt"
)

// isWorkspace: the workspace is the one kind that is not in a workspace.
func (d *definition) isWorkspace() bool { return d.kind == api.WorkspaceKind }

func (d *definition) typeName() string { return "gatehouse_" + d.kind.Name }

// schema is the resource's schema.
func (d *definition) schema() schema.Schema {
	attrs := attributes("", d.kind.Fields(), d.opts.Hints)
	attrs[attrID] = schema.StringAttribute{Computed: true, MarkdownDescription: "Opaque identifier given by the server."}
	if !d.isWorkspace() {
		attrs[attrWorkspace] = schema.StringAttribute{
			Optional: true, Computed: true, CustomType: writtenType{format: "slug"},
			MarkdownDescription: "Slug of the workspace; the provider's when absent. A change makes a new object.",
		}
	}
	if d.kind.Singleton {
		attrs[attrAdopt] = schema.BoolAttribute{
			Optional:            true,
			MarkdownDescription: "Take over the live values even where they differ from the server's defaults and were set by hand. Without it, creating this resource then fails and shows the differences; importing it is the other way.",
		}
	}
	for name, a := range d.opts.Own {
		attrs[name] = a
	}
	return schema.Schema{Attributes: attrs, MarkdownDescription: d.markdown()}
}

func (d *definition) markdown() string {
	parts := []string{d.kind.Doc}
	if d.opts.Description != "" {
		parts = append(parts, d.opts.Description)
	}
	if text := destroyText(d.kind); text != "" {
		parts = append(parts, "**On destroy:** "+text)
	}
	return strings.Join(parts, "\n\n")
}

func destroyText(k *api.Kind) string {
	switch k.Destroy {
	case api.DestroyDelete:
		return "the object is deleted; the audit log keeps it."
	case api.DestroyRevoke:
		return "access ends at once; the audit log keeps the record."
	case api.DestroySuspend:
		return "it is suspended: sessions, tokens and grants end at once, identity and audit trail stay."
	case api.DestroyKeep:
		return "nothing changes on the server unless `on_destroy = \"reset\"` was applied before; ownership is released. Dropping a block never weakens security silently."
	case api.DestroyClose:
		return "the workspace starts to close; its data is deleted when `closure_days` have passed. Needs `deletion_protection = false`."
	case api.DestroyTombstone:
		return "the record is closed; its history is kept."
	}
	return ""
}

// identity is what names an object across states: the workspace, and its key there.
func (d *definition) identity() identityschema.Schema {
	attrs := map[string]identityschema.Attribute{
		attrWorkspace: identityschema.StringAttribute{
			RequiredForImport: d.kind.Singleton, OptionalForImport: !d.kind.Singleton,
			Description: "Slug of the workspace; the provider's when absent.",
		},
	}
	if !d.kind.Singleton {
		attrs["key"] = identityschema.StringAttribute{RequiredForImport: true, Description: "Natural key of the object, or its id."}
	}
	return identityschema.Schema{Attributes: attrs}
}

func (d *definition) identityValue(workspace, key string) tftypes.Value {
	values := map[string]tftypes.Value{attrWorkspace: tftypes.NewValue(tftypes.String, workspace)}
	kinds := map[string]tftypes.Type{attrWorkspace: tftypes.String}
	if !d.kind.Singleton {
		values["key"], kinds["key"] = tftypes.NewValue(tftypes.String, key), tftypes.String
	}
	return tftypes.NewValue(tftypes.Object{AttributeTypes: kinds}, values)
}

// stateFrom builds the state from an object as the server answered it. prior is
// the plan or the earlier state: its way of writing stays where the meaning is the
// same, and what the server knows nothing of is taken over from it.
func (d *definition) stateFrom(typ tftypes.Type, doc client.Document, workspace string, prior tftypes.Value) (tftypes.Value, error) {
	before := attributesOf(prior)
	if d.opts.Reading != nil {
		doc = d.opts.Reading(doc, before)
	}
	attrs, err := valuesOf(d.kind.Fields(), doc, before)
	if err != nil {
		return tftypes.Value{}, fmt.Errorf("reading the server's answer: %w", err)
	}
	attrs[attrID] = tftypes.NewValue(tftypes.String, doc.ID())
	object, ok := typ.(tftypes.Object)
	if !ok {
		return tftypes.Value{}, fmt.Errorf("%s is no object", typ)
	}
	for name, t := range object.AttributeTypes {
		if _, done := attrs[name]; done {
			continue
		}
		v, had := before[name]
		if !had || !v.IsKnown() {
			v = tftypes.NewValue(t, nil)
		}
		if name == attrWorkspace && canonical("slug", stringOf(v)) != workspace {
			v = tftypes.NewValue(t, workspace)
		}
		attrs[name] = v
	}
	return tftypes.NewValue(typ, attrs), nil
}

// keyOfDocument decodes a document into the kind's type, to compute its key. Keys
// are made of single values: collections, which may be large, are left out.
func (d *definition) keyOfDocument(doc map[string]any) string {
	single := make(map[string]any, len(doc))
	for name, v := range doc {
		switch v.(type) {
		case map[string]any, []any:
		default:
			single[name] = v
		}
	}
	raw, err := json.Marshal(single)
	if err != nil {
		return ""
	}
	obj := d.kind.New()
	if json.Unmarshal(raw, obj) != nil {
		return ""
	}
	return d.kind.KeyOf(obj)
}

// keyOfAttributes is keyOfDocument for attributes, without writing the whole document.
func (d *definition) keyOfAttributes(attrs map[string]tftypes.Value) string {
	single := make([]api.Field, 0, len(d.kind.Fields()))
	for _, f := range d.kind.Fields() {
		if f.Type == api.TypeString {
			single = append(single, f)
		}
	}
	doc, _ := documentFrom(single, attrs)
	return d.keyOfDocument(doc)
}

// knownKey is the natural key of a document, empty while the key depends on an
// attribute that is not known yet: then two stand-ins for it give two keys.
func (d *definition) knownKey(doc map[string]any, missing unread) string {
	key := d.keyOfDocument(doc)
	if len(missing) == 0 {
		return key
	}
	other := cloneDocument(doc)
	for i := range d.kind.Fields() {
		f := &d.kind.Fields()[i]
		if f.Type == api.TypeString && missing.has("/"+f.Name) {
			other[f.Name] = "not-known"
		}
	}
	if d.keyOfDocument(other) != key {
		return ""
	}
	return key
}

func cloneDocument(doc map[string]any) map[string]any {
	out := make(map[string]any, len(doc))
	for name, v := range doc {
		out[name] = cloneJSON(v)
	}
	return out
}

func cloneJSON(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return cloneDocument(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = cloneJSON(v[i])
		}
		return out
	}
	return v
}

// kindResource is a resource of a kind, bound to a control plane.
type kindResource struct {
	*definition
	plane *controlPlane
}

var (
	_ resource.ResourceWithConfigure      = (*kindResource)(nil)
	_ resource.ResourceWithIdentity       = (*kindResource)(nil)
	_ resource.ResourceWithImportState    = (*kindResource)(nil)
	_ resource.ResourceWithModifyPlan     = (*kindResource)(nil)
	_ resource.ResourceWithValidateConfig = (*kindResource)(nil)
)

func (d *definition) resource() resource.Resource { return &kindResource{definition: d} }

// Metadata names the resource. A key may change behind Terraform's back (an e-mail
// by SCIM), so the identity may.
func (r *kindResource) Metadata(_ context.Context, _ resource.MetadataRequest, resp *resource.MetadataResponse) {
	resp.TypeName = r.typeName()
	resp.ResourceBehavior.MutableIdentity = true
}

// Schema describes the attributes.
func (r *kindResource) Schema(_ context.Context, _ resource.SchemaRequest, resp *resource.SchemaResponse) {
	resp.Schema = r.schema()
}

// IdentitySchema describes the identity.
func (r *kindResource) IdentitySchema(_ context.Context, _ resource.IdentitySchemaRequest, resp *resource.IdentitySchemaResponse) {
	resp.IdentitySchema = r.identity()
}

// Configure receives the control plane.
func (r *kindResource) Configure(_ context.Context, req resource.ConfigureRequest, resp *resource.ConfigureResponse) {
	r.plane = planeOf(req.ProviderData, &resp.Diagnostics)
}

func planeOf(data any, diags *diag.Diagnostics) *controlPlane {
	if data == nil {
		return nil // validation happens before the provider is configured
	}
	p, ok := data.(*controlPlane)
	if !ok {
		diags.AddError("The provider is configured wrongly", fmt.Sprintf("Expected a control plane, got %T. This is a mistake in the provider; please report it.", data))
	}
	return p
}
