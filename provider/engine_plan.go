package provider

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// ModifyPlan settles what is planned and then asks whether it can be done: first
// here, then the server by a dry run, so that a mistake is told at plan.
func (r *kindResource) ModifyPlan(ctx context.Context, req resource.ModifyPlanRequest, resp *resource.ModifyPlanResponse) {
	if r.plane == nil {
		return
	}
	if req.Plan.Raw.IsNull() {
		r.planDestroy(ctx, attributesOf(req.State.Raw), &resp.Diagnostics)
		return
	}
	change := r.settle(attributesOf(req.Plan.Raw), attributesOf(req.State.Raw), attributesOf(req.Config.Raw))
	resp.Plan.Raw = tftypes.NewValue(req.Plan.Raw.Type(), change.plan)
	for _, name := range change.replaced {
		resp.RequiresReplace = append(resp.RequiresReplace, path.Root(name))
	}
	r.tellRenamed(change, &resp.Diagnostics)
	switch {
	case change.state == nil:
		r.planCreate(ctx, change, &resp.Diagnostics)
	case len(change.replaced) > 0:
		// Terraform plans the replacement again as a creation; that is where it is checked.
		r.plane.memory.destroy(r.workspaceOf(change.state), r.kind.Name, r.keyOfDocument(change.before))
	case change.changed:
		r.planUpdate(ctx, req.Private, change, &resp.Diagnostics)
	}
}

// plannedChange is one object's change as this plan sees it.
type plannedChange struct {
	plan, state, config map[string]tftypes.Value
	// before and doc are the documents of state and plan.
	before, doc map[string]any
	// missing is what is not known yet of doc.
	missing  unread
	replaced []string
	changed  bool
	// renamed is the name that the configuration still has; see resourceOptions.Renames.
	renamed string
}

// settle decides the planned values: the workspace, one way of writing, what stays,
// and what asks for a new object.
func (r *kindResource) settle(plan, state, config map[string]tftypes.Value) plannedChange {
	fields := r.kind.Fields()
	c := plannedChange{state: state, config: config}
	if v, ok := plan[attrWorkspace]; ok && config[attrWorkspace].IsNull() {
		plan[attrWorkspace] = r.standardWorkspace(v, state)
	}
	if state != nil {
		plan = keepWriting(fields, plan, state)
		if v, ok := plan[attrWorkspace]; ok && v.IsKnown() && canonical("slug", stringOf(v)) == canonical("slug", stringOf(state[attrWorkspace])) {
			plan[attrWorkspace] = state[attrWorkspace]
		}
	}
	c.plan = plan
	if state == nil {
		c.doc, c.missing = documentFrom(fields, withoutComputed(fields, plan, config))
		return c
	}
	if c.changed = r.keepComputed(c); !c.changed {
		return c
	}
	c.before, _ = documentFrom(fields, state)
	c.doc, c.missing = documentFrom(fields, plan)
	if c.renamed = r.keepName(state, c.before, c.doc); c.renamed != "" {
		c.replaced = r.replacedBy(c)
		c.replaced = slices.DeleteFunc(c.replaced, func(name string) bool { return name == r.opts.Renames })
		return c
	}
	c.replaced = r.replacedBy(c)
	return c
}

// withoutComputed leaves out what the server will decide: it is not sent, so it is
// nothing that a check would have to wait for.
func withoutComputed(fields []api.Field, plan, config map[string]tftypes.Value) map[string]tftypes.Value {
	out := maps.Clone(plan)
	for i := range fields {
		if f := &fields[i]; f.Computed && config[f.Name].IsNull() {
			delete(out, f.Name)
		}
	}
	return out
}

func (r *kindResource) standardWorkspace(planned tftypes.Value, state map[string]tftypes.Value) tftypes.Value {
	standard := r.plane.workspace
	switch {
	case standard != "":
		return tftypes.NewValue(planned.Type(), standard)
	case state != nil:
		return state[attrWorkspace] // never a replacement for want of knowing
	}
	return tftypes.NewValue(planned.Type(), tftypes.UnknownValue)
}

// keepComputed takes what the server decides from the state where it will not
// change, and reports whether anything that the user may write has changed.
func (r *kindResource) keepComputed(c plannedChange) bool {
	changed, scim := false, stringOf(c.state["source"]) == api.ManagedBySCIM
	for name, v := range c.plan {
		f := r.kind.Field(name)
		switch {
		case name == attrID:
			c.plan[name] = c.state[name]
		case f != nil && f.ReadOnly:
		case f != nil && c.config[name].IsNull() && (f.Computed || scim && slices.Contains(r.opts.SCIMOwned, name)):
			c.plan[name] = c.state[name]
		case !v.Equal(c.state[name]):
			changed = true
		}
	}
	for i := range r.kind.Fields() {
		f := &r.kind.Fields()[i]
		if f.ReadOnly && (!changed || slices.Contains(r.opts.Stable, f.Name)) {
			c.plan[f.Name] = c.state[f.Name]
		}
	}
	return changed
}

// replacedBy lists the attributes whose change means a new object: immutable ones,
// the workspace, and whatever else the natural key is made of.
func (r *kindResource) replacedBy(c plannedChange) []string {
	var out []string
	if v, ok := c.plan[attrWorkspace]; ok && !v.Equal(c.state[attrWorkspace]) {
		out = append(out, attrWorkspace)
	}
	rekeyed := len(c.missing) == 0 && !r.kind.Singleton && r.keyOfDocument(c.before) != r.keyOfDocument(c.doc)
	for i := range r.kind.Fields() {
		f := &r.kind.Fields()[i]
		if f.ReadOnly || f.WriteOnly || c.plan[f.Name].Equal(c.state[f.Name]) {
			continue
		}
		if f.Immutable || rekeyed && r.keyDependsOn(c.before, c.doc, f.Name) {
			out = append(out, f.Name)
		}
	}
	return out
}

func (d *definition) keyDependsOn(before, doc map[string]any, name string) bool {
	other := cloneDocument(before)
	if v, ok := doc[name]; ok {
		other[name] = v
	} else {
		delete(other, name)
	}
	return d.keyOfDocument(other) != d.keyOfDocument(before)
}

func (r *kindResource) planCreate(ctx context.Context, c plannedChange, diags *diag.Diagnostics) {
	workspace, key := r.workspaceOf(c.plan), r.knownKey(c.doc, c.missing)
	if key != "" && workspace != "" {
		r.plane.memory.create(workspace, r.kind.Name, key)
		r.planAnew(workspace, key, diags)
	}
	r.plane.memory.change(workspace, r.kind.Name)
	if !r.checkable(c, workspace, key, diags) {
		return
	}
	addSecrets(r.kind.Fields(), c.doc, c.config, nil)
	var err error
	if r.mayAsk() {
		_, err = r.make(ctx, workspace, c.plan, c.doc, client.WriteOptions{DryRun: true})
	}
	switch {
	case err == nil:
	case r.toCome(workspace, err):
		return
	case client.IsCode(err, api.CodeConflict) && r.plane.memory.willDestroy(workspace, r.kind.Name, key):
		return // it makes room for its own replacement
	case client.IsCode(err, api.CodeNeedsAdoption):
		r.addCreateFailure(ctx, diags, workspace, c.doc, err)
		return
	default:
		r.addPlanFailure(diags, "create", workspace, key, err)
		return
	}
	r.guard(ctx, workspace, key, c.doc, diags)
}

func (r *kindResource) planUpdate(ctx context.Context, private privateReader, c plannedChange, diags *diag.Diagnostics) {
	workspace, key := r.workspaceOf(c.plan), r.keyOfDocument(c.before)
	r.plane.memory.change(workspace, r.kind.Name)
	if !r.checkable(c, workspace, key, diags) {
		return
	}
	addSecrets(r.kind.Fields(), c.doc, c.config, c.state)
	// The version says that the live object was looked at; that it moved is told at apply.
	opts := client.WriteOptions{DryRun: true, IfMatch: keptETag(ctx, private)}
	var err error
	if r.mayAsk() {
		_, err = r.plane.at(workspace).Put(ctx, r.kind, stringOf(c.state[attrID]), c.doc, opts)
	}
	if err != nil && !r.toCome(workspace, err) && !client.IsCode(err, api.CodePreconditionFailed) {
		r.addPlanFailure(diags, "update", workspace, key, err)
		return
	}
	r.guard(ctx, workspace, key, c.doc, diags)
}

// checkable runs the checks that need no server and reports whether the rest can be
// checked as well: everything is known and nothing is wrong yet.
func (r *kindResource) checkable(c plannedChange, workspace, key string, diags *diag.Diagnostics) bool {
	violations := r.offline(c.doc, c.missing)
	r.addViolations(diags, key, violations)
	if workspace == "" && !r.plane.workspacePending && c.plan[attrWorkspace].IsNull() {
		missingWorkspace(diags)
	}
	if r.opts.Beside != nil && workspace != "" {
		diags.Append(r.opts.Beside(r.plane.memory, workspace, c.doc)...)
	}
	return len(violations) == 0 && workspace != "" && len(c.missing) == 0 && !diags.HasError() && r.plane.client != nil
}

// mayAsk reports whether a dry run may be sent. A read-only token could not.
func (r *kindResource) mayAsk() bool {
	return r.plane.client != nil && r.plane.guards.dryRun && !r.plane.client.ReadOnly()
}

// toCome reports whether a refusal is only about what this same plan will make.
// Other violations of the same answer are told when the reference exists.
func (r *kindResource) toCome(workspace string, err error) bool {
	p := client.ProblemOf(err)
	if p == nil {
		return false
	}
	if p.Code() == api.CodeNotFound && (r.isWorkspace() || r.plane.memory.willCreate(workspace, "workspace", workspace)) {
		return true
	}
	if len(p.Errors) == 0 {
		return false
	}
	for _, v := range p.Errors {
		if !r.plane.memory.awaits(workspace, v) {
			return false
		}
	}
	return true
}

// addPlanFailure reports a refused dry run, without what is only still to come.
func (r *kindResource) addPlanFailure(diags *diag.Diagnostics, doing, workspace, key string, err error) {
	p := client.ProblemOf(err)
	if p != nil && p.Code() == api.CodeLockout && r.plane.guards.lockout == "warning" {
		diags.AddWarning(fmt.Sprintf("The server would refuse to %s %s", doing, r.label(key)), p.Detail)
		return
	}
	if p != nil && len(p.Errors) > 0 {
		var left []api.Violation
		for _, v := range p.Errors {
			if !r.plane.memory.awaits(workspace, v) {
				left = append(left, v)
			}
		}
		r.addViolations(diags, key, left)
		return
	}
	r.addFailure(diags, doing, workspace, key, err)
}

// guard compares the planned change with the live object (max_removal_ratio).
func (r *kindResource) guard(ctx context.Context, workspace, key string, doc map[string]any, diags *diag.Diagnostics) {
	if r.opts.Preview != nil && r.plane.guards.dryRun {
		diags.Append(r.opts.Preview(ctx, r.plane, workspace, doc)...)
	}
	if r.opts.Guard == nil {
		return
	}
	live, err := r.plane.at(workspace).Get(ctx, r.kind, key)
	if err != nil && !client.IsNotFound(err) {
		r.addFailure(diags, "check", workspace, key, err)
		return
	}
	diags.Append(r.opts.Guard(r.plane, doc, live)...)
}

// planDestroy says at plan what will remain, and what will be refused.
func (r *kindResource) planDestroy(ctx context.Context, attrs map[string]tftypes.Value, diags *diag.Diagnostics) {
	doc, _ := documentFrom(r.kind.Fields(), attrs)
	workspace, key := r.workspaceOf(attrs), r.keyOfDocument(doc)
	r.plane.memory.destroy(workspace, r.kind.Name, key)
	r.planGone(workspace, key, attrs, diags)
	if protected, _ := doc["deletion_protection"].(bool); protected {
		diags.AddAttributeError(path.Root("deletion_protection"), upperFirst(r.label(key))+" is protected against deletion",
			"Set deletion_protection = false and apply that first. To let go of it without deleting it, use a removed block with lifecycle { destroy = false }.")
		return
	}
	switch {
	case r.kind.Destroy == api.DestroyClose:
		diags.AddWarning(upperFirst(r.label(key))+" will start to close", fmt.Sprintf("Its data is deleted %v days after this is applied. Export it first.", doc["closure_days"]))
	case r.kind.Destroy == api.DestroyKeep && stringOf(attrs["on_destroy"]) == "reset":
		diags.AddWarning(upperFirst(r.label(key))+" will be reset", "on_destroy is \"reset\": it returns to the secure default of the server.")
	case r.kind.Destroy == api.DestroyKeep:
		diags.AddWarning(upperFirst(r.label(key))+" will be kept as it is", "Destroying it only releases its ownership, so that a dropped block cannot weaken security."+resetAdvice(r.kind))
	}
	if r.opts.Gone != nil && r.plane.client != nil && r.plane.guards.dryRun {
		diags.Append(r.opts.Gone(ctx, r.plane, workspace, doc)...)
	}
	if !r.mayAsk() {
		return
	}
	_, err := r.plane.at(workspace).Delete(ctx, r.kind, stringOf(attrs[attrID]), client.WriteOptions{DryRun: true})
	// What is refused because others still need it may be free by the time of the apply.
	switch p := client.ProblemOf(err); {
	case p == nil:
	case p.Code() == api.CodeForbidden, p.Code() == api.CodeOwnedByOtherStack, p.Code() == api.CodeManagedByCode, p.Code() == api.CodeLockout:
		r.addPlanFailure(diags, "destroy", workspace, key, err)
	}
}

func resetAdvice(k *api.Kind) string {
	if k.Field("on_destroy") == nil {
		return ""
	}
	return " To return it to the secure default, apply on_destroy = \"reset\" first."
}
