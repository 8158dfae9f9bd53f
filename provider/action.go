package provider

import (
	"context"
	"fmt"
	"maps"
	"sort"

	"github.com/hashicorp/terraform-plugin-framework/action"
	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/tfsdk"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

// actionOptions describe one action. Each has a twin on the command line, because
// actions need Terraform 1.14 (RESOURCES.md section 6).
type actionOptions struct {
	// Description is what the documentation says.
	Description string
	// Attributes are the arguments; workspace is added.
	Attributes map[string]schema.Attribute
	// Plan says what invoking would do, as warnings, or refuses. It is not called
	// while something that it may need is unknown.
	Plan func(ctx context.Context, c *actionCall)
	// Invoke does it.
	Invoke func(ctx context.Context, c *actionCall)
}

// actionCall is one planning or invocation.
type actionCall struct {
	plane     *controlPlane
	workspace string
	config    tfsdk.Config
	diags     *diag.Diagnostics
	progress  func(action.InvokeProgressEvent)
}

// say tells Terraform how far the action is.
func (c *actionCall) say(format string, args ...any) {
	if c.progress != nil {
		c.progress(action.InvokeProgressEvent{Message: fmt.Sprintf(format, args...)})
	}
}

// read reads the arguments and reports whether all is well.
func (c *actionCall) read(ctx context.Context, into any) bool {
	c.diags.Append(c.config.Get(ctx, into)...)
	return !c.diags.HasError()
}

var actionsByName = map[string]actionOptions{}

// actionFor registers an action; it is called once per action, from the package
// variable in the action's file.
func actionFor(name string, o actionOptions) string {
	if _, dup := actionsByName[name]; dup {
		panic("provider: action " + name + " registered twice")
	}
	actionsByName[name] = o
	return name
}

// actions lists the actions by name.
func actions() []func() action.Action {
	names := make([]string, 0, len(actionsByName))
	for name := range actionsByName {
		names = append(names, name)
	}
	sort.Strings(names)
	out := make([]func() action.Action, len(names))
	for i, name := range names {
		out[i] = func() action.Action { return &planeAction{name: name, opts: actionsByName[name]} }
	}
	return out
}

// planeAction is an action on the control plane.
type planeAction struct {
	name  string
	opts  actionOptions
	plane *controlPlane
}

var (
	_ action.ActionWithConfigure  = (*planeAction)(nil)
	_ action.ActionWithModifyPlan = (*planeAction)(nil)
)

// Metadata names the action.
func (a *planeAction) Metadata(_ context.Context, _ action.MetadataRequest, resp *action.MetadataResponse) {
	resp.TypeName = "gatehouse_" + a.name
}

// Schema describes the arguments.
func (a *planeAction) Schema(_ context.Context, _ action.SchemaRequest, resp *action.SchemaResponse) {
	attributes := maps.Clone(a.opts.Attributes)
	if attributes == nil {
		attributes = map[string]schema.Attribute{}
	}
	attributes[attrWorkspace] = schema.StringAttribute{Optional: true, MarkdownDescription: "Slug of the workspace; the provider's when absent."}
	resp.Schema = schema.Schema{MarkdownDescription: a.opts.Description, Attributes: attributes}
}

// Configure receives the control plane.
func (a *planeAction) Configure(_ context.Context, req action.ConfigureRequest, resp *action.ConfigureResponse) {
	a.plane = planeOf(req.ProviderData, &resp.Diagnostics)
}

// ModifyPlan says at plan what the action would do, once all arguments are known.
func (a *planeAction) ModifyPlan(ctx context.Context, req action.ModifyPlanRequest, resp *action.ModifyPlanResponse) {
	if a.opts.Plan == nil || a.plane == nil || a.plane.client == nil || !req.Config.Raw.IsFullyKnown() {
		return
	}
	if c, ok := a.call(ctx, req.Config, &resp.Diagnostics); ok {
		a.opts.Plan(ctx, c)
	}
}

// Invoke does what the action is for.
func (a *planeAction) Invoke(ctx context.Context, req action.InvokeRequest, resp *action.InvokeResponse) {
	if !a.plane.ready(&resp.Diagnostics) {
		return
	}
	if c, ok := a.call(ctx, req.Config, &resp.Diagnostics); ok {
		c.progress = resp.SendProgress
		a.opts.Invoke(ctx, c)
		a.plane.wrote()
	}
}

func (a *planeAction) call(ctx context.Context, config tfsdk.Config, diags *diag.Diagnostics) (*actionCall, bool) {
	var given types.String
	diags.Append(config.GetAttribute(ctx, path.Root(attrWorkspace), &given)...)
	if diags.HasError() {
		return nil, false
	}
	workspace := canonical("slug", a.plane.inWorkspace(given.ValueString()))
	if workspace == "" {
		if !a.plane.workspacePending {
			missingWorkspace(diags)
		}
		return nil, false
	}
	return &actionCall{plane: a.plane, workspace: workspace, config: config, diags: diags}, true
}
