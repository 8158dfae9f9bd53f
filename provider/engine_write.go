package provider

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// privateETag is where the version of the object that state describes is kept: out
// of sight, because it changes with every change.
const privateETag = "etag"

type privateWriter interface {
	SetKey(ctx context.Context, key string, value []byte) diag.Diagnostics
}

type privateReader interface {
	GetKey(ctx context.Context, key string) ([]byte, diag.Diagnostics)
}

func keepETag(ctx context.Context, p privateWriter, doc client.Document) diag.Diagnostics {
	raw, err := json.Marshal(doc.ETag())
	if err != nil {
		return nil
	}
	return p.SetKey(ctx, privateETag, raw)
}

func keptETag(ctx context.Context, p privateReader) string {
	raw, _ := p.GetKey(ctx, privateETag)
	var tag string
	if json.Unmarshal(raw, &tag) != nil {
		return ""
	}
	return tag
}

// workspaceOf is the workspace that an object is, or shall be, in.
func (r *kindResource) workspaceOf(attrs map[string]tftypes.Value) string {
	if r.isWorkspace() {
		return canonical("slug", stringOf(attrs["slug"]))
	}
	return canonical("slug", r.plane.inWorkspace(stringOf(attrs[attrWorkspace])))
}

// Create makes the object with one request, or adopts the singleton.
func (r *kindResource) Create(ctx context.Context, req resource.CreateRequest, resp *resource.CreateResponse) {
	if !r.plane.ready(&resp.Diagnostics) {
		return
	}
	attrs := attributesOf(req.Plan.Raw)
	doc, _ := toDocument(r.kind.Fields(), req.Plan.Raw)
	addSecrets(r.kind.Fields(), doc, attributesOf(req.Config.Raw), nil)
	workspace := r.workspaceOf(attrs)
	if workspace == "" {
		missingWorkspace(&resp.Diagnostics)
		return
	}
	made, err := r.make(ctx, workspace, attrs, doc, client.WriteOptions{})
	r.plane.wrote()
	if err != nil {
		r.addCreateFailure(ctx, &resp.Diagnostics, workspace, doc, err)
		return
	}
	resp.Diagnostics.Append(r.keep(ctx, made, workspace, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
	r.warnOfApproval(&resp.Diagnostics, made)
}

// make sends the request that creates the object; at plan, as a dry run.
func (r *kindResource) make(ctx context.Context, workspace string, attrs map[string]tftypes.Value, doc client.Document, opts client.WriteOptions) (client.Document, error) {
	var adopt bool
	if v, ok := attrs[attrAdopt]; ok && v.IsKnown() && !v.IsNull() {
		if err := v.As(&adopt); err != nil {
			return nil, fmt.Errorf("reading adopt: %w", err)
		}
	}
	opts.Adopt = adopt
	at := r.plane.at(workspace)
	if !r.kind.Singleton {
		return at.Create(ctx, r.kind, doc, opts)
	}
	made, err := at.Put(ctx, r.kind, "", doc, opts)
	if err != nil && r.opts.Create != nil && client.IsNotFound(err) && !opts.DryRun {
		return r.opts.Create(ctx, r.plane, doc, attrs)
	}
	return made, err
}

// addCreateFailure shows, for a singleton that somebody has set, what would change.
func (r *kindResource) addCreateFailure(ctx context.Context, diags *diag.Diagnostics, workspace string, doc client.Document, err error) {
	key := r.keyOfDocument(doc)
	problem := client.ProblemOf(err)
	if problem == nil || problem.Code() != api.CodeNeedsAdoption {
		r.addFailure(diags, "create", workspace, key, err)
		return
	}
	text := problemText(problem, "")
	if live, e := r.plane.at(workspace).Get(ctx, r.kind, key); e == nil {
		if lines := differences(r.kind.Fields(), live, doc); len(lines) > 0 {
			text += "\n\nAdopting it would change:\n  " + strings.Join(lines, "\n  ")
		}
	}
	diags.AddError("The "+r.label(key)+" was set by somebody else", text+"\n\n"+r.advice(problem.Code(), workspace, key))
}

// keep writes an answer of the server to state, identity and private state.
func (r *kindResource) keep(ctx context.Context, doc client.Document, workspace string, prior tftypes.Value, state *tfsdk.State, identity *tfsdk.ResourceIdentity, private privateWriter) diag.Diagnostics {
	var diags diag.Diagnostics
	if doc == nil {
		diags.AddError("The server's answer is empty", "It was expected to be the "+r.label("")+" as it is now.")
		return diags
	}
	if identity != nil {
		identity.Raw = r.identityValue(workspace, doc.Key())
	}
	typ := prior.Type() // that of the schema, which is costly to ask for
	if typ == nil {
		typ = state.Schema.Type().TerraformType(ctx)
	}
	value, err := r.stateFrom(typ, doc, workspace, prior)
	if err != nil {
		// The object exists: state must know its id whatever else cannot be read.
		state.Raw = r.remember(typ, doc, prior)
		diags.AddError("Cannot read "+r.label(doc.Key()), err.Error())
		return diags
	}
	state.Raw = value
	diags.Append(keepETag(ctx, private, doc)...)
	return diags
}

// remember is the state of an object of which only the id could be read.
func (r *kindResource) remember(typ tftypes.Type, doc client.Document, prior tftypes.Value) tftypes.Value {
	attrs := map[string]tftypes.Value{}
	before := attributesOf(prior)
	for name, t := range typ.(tftypes.Object).AttributeTypes {
		attrs[name] = tftypes.NewValue(t, nil)
		if v, ok := before[name]; ok && v.IsFullyKnown() {
			attrs[name] = v
		}
	}
	attrs[attrID] = tftypes.NewValue(tftypes.String, doc.ID())
	return tftypes.NewValue(typ, attrs)
}

// Update replaces the object, if it still is what the plan was made from.
func (r *kindResource) Update(ctx context.Context, req resource.UpdateRequest, resp *resource.UpdateResponse) {
	if !r.plane.ready(&resp.Diagnostics) {
		return
	}
	state, plan := attributesOf(req.State.Raw), attributesOf(req.Plan.Raw)
	before, _ := toDocument(r.kind.Fields(), req.State.Raw)
	doc, _ := toDocument(r.kind.Fields(), req.Plan.Raw)
	secrets := addSecrets(r.kind.Fields(), doc, attributesOf(req.Config.Raw), state)
	renamed := r.keepName(state, before, doc)
	workspace := r.workspaceOf(state)
	key := r.keyOfDocument(before)
	if !secrets && reflect.DeepEqual(before, doc) {
		// Only what the server knows nothing of has changed.
		resp.State.Raw = fillUnknown(req.Plan.Raw, state, plan)
		resp.Identity.Raw = r.identityValue(workspace, key)
		return
	}
	ref := stringOf(state[attrID])
	opts := client.WriteOptions{IfMatch: keptETag(ctx, req.Private)}
	at := r.plane.at(workspace)
	if opts.IfMatch == "" {
		opts.IfMatch = r.liveETag(ctx, at, ref)
	}
	done, err := at.Put(ctx, r.kind, ref, doc, opts)
	if client.IsCode(err, api.CodePreconditionFailed) {
		done, err = r.putAgain(ctx, at, ref, before, doc, opts, err)
	}
	r.plane.wrote()
	if err != nil {
		r.addFailure(&resp.Diagnostics, "update", workspace, key, err)
		return
	}
	if renamed != "" {
		done = cloneDocument(done)
		done[r.opts.Renames] = renamed // as it was planned; the next refresh says what it is
	}
	resp.Diagnostics.Append(r.keep(ctx, done, workspace, req.Plan.Raw, &resp.State, resp.Identity, resp.Private)...)
	r.warnOfApproval(&resp.Diagnostics, done)
}

// liveETag reads the version of an object whose state carries none.
func (r *kindResource) liveETag(ctx context.Context, at *client.Workspace, ref string) string {
	doc, err := at.Get(ctx, r.kind, ref)
	if err != nil {
		return "" // the write itself will tell
	}
	return doc.ETag()
}

// putAgain handles a version that moved although nothing that this plan saw did: an
// earlier change of the same apply touched the object, or somebody changed it back.
func (r *kindResource) putAgain(ctx context.Context, at *client.Workspace, ref string, before, doc map[string]any, opts client.WriteOptions, refused error) (client.Document, error) {
	live, err := at.Get(ctx, r.kind, ref)
	if err != nil {
		return nil, refused
	}
	if lines := differences(r.kind.Fields(), live, expectedNow(live, before, doc)); len(lines) > 0 {
		problem := api.NewProblem(api.CodePreconditionFailed, "It is not what this plan was made from. Now, and then:\n  %s", strings.Join(lines, "\n  "))
		return nil, problem
	}
	opts.IfMatch = live.ETag()
	return at.Put(ctx, r.kind, ref, doc, opts)
}

// fillUnknown takes what is still unknown in a plan from the state.
func fillUnknown(raw tftypes.Value, state, plan map[string]tftypes.Value) tftypes.Value {
	out := make(map[string]tftypes.Value, len(plan))
	for name, v := range plan {
		if !v.IsFullyKnown() {
			v = state[name]
		}
		out[name] = v
	}
	return tftypes.NewValue(raw.Type(), out)
}

// Delete ends the object in the way of its kind. One that is gone already is fine.
func (r *kindResource) Delete(ctx context.Context, req resource.DeleteRequest, resp *resource.DeleteResponse) {
	if !r.plane.ready(&resp.Diagnostics) {
		return
	}
	attrs := attributesOf(req.State.Raw)
	workspace, key := r.workspaceOf(attrs), r.keyOfAttributes(attrs)
	_, err := r.plane.at(workspace).Delete(ctx, r.kind, stringOf(attrs[attrID]), client.WriteOptions{})
	r.plane.wrote()
	if err != nil && !client.IsNotFound(err) {
		r.addFailure(&resp.Diagnostics, "destroy", workspace, key, err)
		return
	}
	if text := r.afterDestroy(attrs); text != "" {
		resp.Diagnostics.AddWarning(upperFirst(r.label(key))+text, "Its ownership was released; who has the permission may change it by hand.")
	}
}

// afterDestroy says what remains of an object that Terraform no longer holds.
func (r *kindResource) afterDestroy(attrs map[string]tftypes.Value) string {
	switch {
	case r.kind.Destroy == api.DestroyClose:
		return " is closing, and its data will be deleted"
	case r.kind.Destroy != api.DestroyKeep:
		return ""
	case stringOf(attrs["on_destroy"]) == "reset":
		return " was reset to the secure default"
	}
	return " was kept as it is"
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// addSecrets copies write-only arguments from the configuration into the document:
// always at creation (state nil), later only when their version was raised. It
// reports whether any was added. The server keeps a secret that is not sent.
func addSecrets(fields []api.Field, doc map[string]any, config, state map[string]tftypes.Value) bool {
	added := false
	for i := range fields {
		f := &fields[i]
		v := config[f.Name]
		if v.IsNull() || !v.IsKnown() {
			continue
		}
		if f.Type == api.TypeObject {
			if inner, ok := doc[f.Name].(map[string]any); ok {
				var before map[string]tftypes.Value
				if state != nil {
					before = attributesOf(state[f.Name])
				}
				added = addSecrets(f.Fields, inner, attributesOf(v), before) || added
			}
			continue
		}
		if !f.WriteOnly {
			continue
		}
		version := f.Name + "_version"
		if state != nil && fieldNamed(fields, version) != nil && config[version].Equal(state[version]) {
			continue
		}
		doc[f.Name] = stringOf(v)
		added = true
	}
	return added
}
