package provider

import (
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// An identity provider may call a person otherwise. The person is the same by id, and
// a configuration that has the old address must not end them: it is out of date, not
// asking for somebody else.

// provisioned reports whether an identity provider decides what an object is called.
func (r *kindResource) provisioned(state map[string]tftypes.Value) bool {
	return r.opts.Renames != "" && (stringOf(state["source"]) == api.ManagedBySCIM || stringOf(state["connection_name"]) != "")
}

// keepName puts the live name into a planned document, and answers the name that the
// configuration has instead, "" where they are one.
func (r *kindResource) keepName(state map[string]tftypes.Value, before, doc map[string]any) string {
	if !r.provisioned(state) {
		return ""
	}
	planned, _ := doc[r.opts.Renames].(string)
	if planned == "" || r.keyOfDocument(before) == r.keyOfDocument(doc) {
		return ""
	}
	doc[r.opts.Renames] = before[r.opts.Renames]
	return planned
}

func (r *kindResource) tellRenamed(c plannedChange, diags *diag.Diagnostics) {
	if c.renamed == "" {
		return
	}
	diags.AddAttributeWarning(path.Root(r.opts.Renames), fmt.Sprintf("%s is called %s now", c.renamed, c.before[r.opts.Renames]),
		fmt.Sprintf("The identity provider decides that, and the %s is the same with all that they hold. Write %q in the configuration; where it is a key of for_each, add a moved block from the old key to the new one.", r.label(""), c.before[r.opts.Renames]))
}

// anew is the kind under which the memory of a plan keeps who is made under a name that
// is taken: guests and members share their names, and one may become the other.
func (r *kindResource) anew() string { return "again " + r.kind.Name }

// planAnew and planGone refuse to destroy a person at one address and to make the same
// one at another: whoever is planned second sees the other.
func (r *kindResource) planAnew(workspace, key string, diags *diag.Diagnostics) {
	if r.opts.Renames == "" {
		return
	}
	r.plane.memory.create(workspace, r.anew(), key)
	if r.plane.memory.willDestroy(workspace, r.anew(), key) {
		r.addMoved(key, diags)
	}
}

func (r *kindResource) planGone(workspace, key string, attrs map[string]tftypes.Value, diags *diag.Diagnostics) {
	if !r.provisioned(attrs) {
		return
	}
	r.plane.memory.destroy(workspace, r.anew(), key)
	if r.plane.memory.willCreate(workspace, r.anew(), key) {
		r.addMoved(key, diags)
	}
}

func (r *kindResource) addMoved(key string, diags *diag.Diagnostics) {
	diags.AddError(upperFirst(r.label(key))+" would be ended and made again", "This plan destroys them at one address and makes them at another, which ends their access in between. Add a moved block from the old address to the new one.")
}
