package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/client"
)

var _ = actionFor("revoke_stale_links", actionOptions{
	Description: "Revokes share links that nobody needs any more, for good, with the visits under way and an audit event each: those that nobody used for a while, those whose end has passed, those whose maker has left. " +
		"Links that Terraform declares come back with the next apply, under a new URL, unless their blocks are removed. The same on the command line: `gatehouse link revoke-stale`.",
	Attributes: map[string]schema.Attribute{
		"resource":    schema.StringAttribute{Optional: true, MarkdownDescription: "Only links of this item and of what is below it, e.g. `/finance`; all links when absent."},
		"unused_days": schema.Int64Attribute{Optional: true, MarkdownDescription: "Links that nobody used, or changed, for so many days, 1 to 3650."},
		"expired":     schema.BoolAttribute{Optional: true, MarkdownDescription: "Links whose end has passed. Default: `false`."},
		"maker_gone":  schema.BoolAttribute{Optional: true, MarkdownDescription: "Links whose maker is no active member or service account any more. Default: `false`."},
		"dry_run":     schema.BoolAttribute{Optional: true, MarkdownDescription: "Say what would be done, and do nothing. Default: `false`."},
	},
	Plan: func(ctx context.Context, c *actionCall) {
		var m staleModel
		if c.read(ctx, &m) {
			m.check(c)
		}
	},
	Invoke: revokeStaleLinks,
})

type staleModel struct {
	Workspace  types.String `tfsdk:"workspace"`
	Resource   types.String `tfsdk:"resource"`
	UnusedDays types.Int64  `tfsdk:"unused_days"`
	Expired    types.Bool   `tfsdk:"expired"`
	MakerGone  types.Bool   `tfsdk:"maker_gone"`
	DryRun     types.Bool   `tfsdk:"dry_run"`
}

// check refuses at plan what the server would refuse.
func (m *staleModel) check(c *actionCall) bool {
	switch days := m.UnusedDays.ValueInt64(); {
	case days < 0 || days > 3650 || days == 0 && !m.UnusedDays.IsNull():
		c.diags.AddAttributeError(path.Root("unused_days"), "Invalid unused_days", fmt.Sprintf("%d is out of range; write a number from 1 to 3650.", days))
	case days == 0 && !m.Expired.ValueBool() && !m.MakerGone.ValueBool():
		c.diags.AddError("No links are meant", "Say which links are stale: unused_days, expired = true, maker_gone = true, or several of them.")
	}
	return !c.diags.HasError()
}

func revokeStaleLinks(ctx context.Context, c *actionCall) {
	var m staleModel
	if !c.read(ctx, &m) || !m.check(c) {
		return
	}
	q := client.Stale{Resource: m.Resource.ValueString(), UnusedDays: m.UnusedDays.ValueInt64(), Expired: m.Expired.ValueBool(), MakerGone: m.MakerGone.ValueBool()}
	looked, revoked := 0, 0
	for complete := false; !complete; {
		out, err := c.plane.at(c.workspace).RevokeStaleLinks(ctx, q, m.DryRun.ValueBool())
		if err != nil {
			addProblem(c.diags, "Cannot revoke stale links", err)
			return
		}
		for _, l := range out.Items {
			c.say("%s on %s: %s", l.Name, l.Resource, l.Reason)
		}
		looked, revoked = looked+out.Looked, revoked+out.Revoked
		complete = out.Complete || m.DryRun.ValueBool() || out.Revoked == 0
	}
	verb := "were"
	if m.DryRun.ValueBool() {
		verb = "would be"
	}
	c.say("Of %d open links, %d %s revoked.", looked, revoked, verb)
}
