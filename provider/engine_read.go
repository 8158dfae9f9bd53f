package provider

import (
	"context"
	"fmt"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/resource"
	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

// Read refreshes the state from the snapshot. It never writes.
func (r *kindResource) Read(ctx context.Context, req resource.ReadRequest, resp *resource.ReadResponse) {
	if !r.plane.ready(&resp.Diagnostics) {
		return
	}
	attrs := attributesOf(req.State.Raw)
	workspace := r.workspaceOf(attrs)
	if workspace == "" {
		missingWorkspace(&resp.Diagnostics)
		return
	}
	doc, err := r.find(ctx, workspace, attrs)
	switch {
	case client.IsNotFound(err):
		key := r.keyOfAttributes(attrs)
		resp.Diagnostics.AddWarning(
			upperFirst(r.label(key))+" is gone",
			fmt.Sprintf("It does not exist in workspace %q any more and is removed from the state; if the configuration still has it, it will be made again. Who ended it is in the audit log (gatehouse_audit_events with target = %q).", workspace, key))
		if resp.Identity != nil {
			resp.Identity.Raw = r.identityValue(workspace, key)
		}
		resp.State.RemoveResource(ctx)
		return
	case err != nil:
		r.addFailure(&resp.Diagnostics, "read", workspace, r.keyOfAttributes(attrs), err)
		return
	}
	resp.Diagnostics.Append(r.keep(ctx, doc, workspace, req.State.Raw, &resp.State, resp.Identity, resp.Private)...)
}

// find reads by id, and by key where the id is gone: the object may have been made
// anew under the same name.
func (r *kindResource) find(ctx context.Context, workspace string, attrs map[string]tftypes.Value) (client.Document, error) {
	id := stringOf(attrs[attrID])
	doc, err := r.plane.get(ctx, workspace, r.definition, id)
	if client.IsNotFound(err) && !r.kind.Singleton {
		if key := r.keyOfAttributes(attrs); key != "" && key != id {
			doc, err = r.plane.get(ctx, workspace, r.definition, key)
		}
	}
	if err == nil && r.ended(doc) {
		return nil, api.NewProblem(api.CodeNotFound, "%s has ended.", r.label(r.keyOfAttributes(attrs)))
	}
	return doc, err
}

// ended reports whether what is left of an object is only its record.
func (r *kindResource) ended(doc client.Document) bool {
	return doc["revoked_at"] != nil && r.kind.Destroy == api.DestroyRevoke
}

// ImportState finds the object by identity, or by "workspace/key" or "key", and
// takes it into the state. Ids work in place of keys.
func (r *kindResource) ImportState(ctx context.Context, req resource.ImportStateRequest, resp *resource.ImportStateResponse) {
	if !r.plane.ready(&resp.Diagnostics) {
		return
	}
	candidates := r.candidates(req.ID)
	if req.ID == "" && req.Identity != nil {
		named := attributesOf(req.Identity.Raw)
		candidates = []place{{r.plane.inWorkspace(stringOf(named[attrWorkspace])), stringOf(named["key"])}}
	}
	for i, c := range candidates {
		if c.workspace == "" {
			continue
		}
		doc, err := r.plane.at(c.workspace).Get(ctx, r.kind, c.ref)
		if client.IsNotFound(err) && i < len(candidates)-1 {
			continue
		}
		if err != nil {
			r.addFailure(&resp.Diagnostics, "import", c.workspace, c.ref, err)
			return
		}
		workspace := canonical("slug", c.workspace)
		if r.isWorkspace() {
			workspace = doc.Key()
		}
		empty := tftypes.NewValue(resp.State.Schema.Type().TerraformType(ctx), nil)
		resp.Diagnostics.Append(r.keep(ctx, doc, workspace, empty, &resp.State, resp.Identity, resp.Private)...)
		return
	}
	resp.Diagnostics.AddError("Cannot import "+r.label(req.ID), r.importHelp())
}

// place is where an object is looked for.
type place struct{ workspace, ref string }

// candidates reads an import id. Keys may hold slashes themselves (item paths,
// memberships), so more than one reading may be possible; the first that exists wins.
func (r *kindResource) candidates(id string) []place {
	standard := r.plane.workspace
	if r.kind.Singleton {
		return []place{{id, ""}}
	}
	var out []place
	first, rest, slash := strings.Cut(id, "/")
	if standard != "" {
		if slash && strings.EqualFold(first, standard) {
			out = append(out, place{standard, rest})
		}
		out = append(out, place{standard, id})
	}
	if slash && first != "" && rest != "" && !strings.EqualFold(first, standard) {
		out = append(out, place{first, rest})
	}
	return out
}

func (r *kindResource) importHelp() string {
	if r.kind.Singleton {
		return "The import id is the slug of the workspace."
	}
	return "Write the import id as workspace/key, or as the key alone when the provider has a workspace. The key is what names the object: " + r.keyForm() + "."
}

// keyForm shows how keys of a kind are written.
func (d *definition) keyForm() string {
	if d.opts.KeyForm == "" {
		return "the name"
	}
	return d.opts.KeyForm
}
