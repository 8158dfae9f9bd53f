package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

var _ = actionFor("enforce_sharing_policy", actionOptions{
	Description: "Applies the sharing policy in force to the shares that exist, whatever `existing_shares` says: what it would not accept today is revoked, suspended, ended earlier, or loses recipients, with an audit event each. " +
		"The plan lists what would happen. The same on the command line: `gatehouse sharing enforce`.",
	Attributes: map[string]schema.Attribute{
		"resource": schema.StringAttribute{Optional: true, MarkdownDescription: "Only shares of this item and of what is below it, e.g. `/finance`; all shares when absent."},
		"dry_run":  schema.BoolAttribute{Optional: true, MarkdownDescription: "Say what would be done, and do nothing. Default: `false`."},
	},
	Plan:   planEnforcement,
	Invoke: enforceSharing,
})

type enforceModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Resource  types.String `tfsdk:"resource"`
	DryRun    types.Bool   `tfsdk:"dry_run"`
}

func planEnforcement(ctx context.Context, c *actionCall) {
	var m enforceModel
	if !c.read(ctx, &m) {
		return
	}
	out, err := c.plane.at(c.workspace).PreviewSharing(ctx, client.ProposedSharing{Resource: m.Resource.ValueString()})
	if client.IsNotFound(err) {
		return // a workspace still to come
	}
	if err != nil {
		addProblem(c.diags, "Cannot tell which shares the sharing policy would end", err)
		return
	}
	if out.Count == 0 {
		return
	}
	for i := range out.Items {
		out.Items[i].Existing = api.ExistingEnforce // that is what the action is for
	}
	c.diags.AddWarning(upperFirst(sharesText(out))+" not conform with the sharing policy in force", affectedShares(out))
}

func enforceSharing(ctx context.Context, c *actionCall) {
	var m enforceModel
	if !c.read(ctx, &m) {
		return
	}
	total := &api.Enforcement{}
	for !total.Complete {
		out, err := c.plane.at(c.workspace).EnforceSharing(ctx, m.Resource.ValueString(), "", m.DryRun.ValueBool())
		if err != nil {
			addProblem(c.diags, "Cannot enforce the sharing policy", err)
			return
		}
		for _, sh := range out.Items {
			c.say("%s: %s %s on %s", sh.Remedy, sh.Kind, sh.Name, sh.Resource)
		}
		done := out.Revoked + out.Suspended + out.Shortened + out.Trimmed
		total.Looked, total.Complete = total.Looked+out.Looked, out.Complete || m.DryRun.ValueBool() || done == 0
		total.Revoked, total.Suspended, total.Shortened, total.Trimmed = total.Revoked+out.Revoked, total.Suspended+out.Suspended, total.Shortened+out.Shortened, total.Trimmed+out.Trimmed
	}
	c.say("%s", enforcedText(total, m.DryRun.ValueBool()))
}

func enforcedText(out *api.Enforcement, dry bool) string {
	verb := "were"
	if dry {
		verb = "would be"
	}
	return fmt.Sprintf("Of %d shares, %d %s revoked, %d suspended, %d ended earlier, and %d relieved of recipients.", out.Looked, out.Revoked, verb, out.Suspended, out.Shortened, out.Trimmed)
}
