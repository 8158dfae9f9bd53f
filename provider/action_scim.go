package provider

import (
	"context"
	"fmt"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = actionFor("rotate_scim_token", actionOptions{
	Description: "Makes the secret of a rotation of a SCIM token the current one; the secret before lives on for the token's overlap. Read the new one with the ephemeral resource `gatehouse_scim_token` and the same `rotation`. " +
		"The rotation that is current already changes nothing. The same on the command line: `gatehouse scim rotate`.",
	Attributes: map[string]schema.Attribute{
		"token":    schema.StringAttribute{Required: true, MarkdownDescription: "The token: `connection/name`, e.g. `gatehouse_scim_token.okta.key`, or its id."},
		"rotation": schema.Int64Attribute{Required: true, MarkdownDescription: "Number of the rotation, from 1 up; one more than the current makes a new secret."},
	},
	Plan:   checkRotation,
	Invoke: rotateSCIMToken,
})

type rotateModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Token     types.String `tfsdk:"token"`
	Rotation  types.Int64  `tfsdk:"rotation"`
}

func checkRotation(ctx context.Context, c *actionCall) {
	var m rotateModel
	if c.read(ctx, &m) && m.Rotation.ValueInt64() < 1 {
		c.diags.AddAttributeError(path.Root("rotation"), "No such rotation", "Rotations are numbered from 1 up.")
	}
}

func rotateSCIMToken(ctx context.Context, c *actionCall) {
	var m rotateModel
	if !c.read(ctx, &m) {
		return
	}
	// The secret stays here: an action has nowhere to put it.
	secret, err := c.plane.at(c.workspace).Secret(ctx, api.SCIMTokenKind, m.Token.ValueString(), m.Rotation.ValueInt64())
	if err != nil {
		addProblem(c.diags, fmt.Sprintf("Cannot rotate SCIM token %s to rotation %d", m.Token.ValueString(), m.Rotation.ValueInt64()), err)
		return
	}
	c.say("Rotation %d of %s is current.", secret.Rotation, m.Token.ValueString())
}

var _ = actionFor("replay_provisioning_event", actionOptions{
	Description: "Does what an identity provider asked for in a failed or held event again. What was held is released by it. Doing it twice is the same as once. " +
		"It is refused when something newer was done to the same person or group. The same on the command line: `gatehouse scim replay`.",
	Attributes: map[string]schema.Attribute{
		"event": schema.StringAttribute{Required: true, MarkdownDescription: "Id of the event, as in the data source `gatehouse_provisioning_events`."},
	},
	Invoke: replayProvisioningEvent,
})

type replayModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Event     types.String `tfsdk:"event"`
}

func replayProvisioningEvent(ctx context.Context, c *actionCall) {
	var m replayModel
	if !c.read(ctx, &m) {
		return
	}
	id := m.Event.ValueString()
	out, err := c.plane.at(c.workspace).ReplayProvisioningEvent(ctx, id)
	switch {
	case err != nil:
		addProblem(c.diags, "Cannot replay event "+id, err)
	case out.Repeated:
		c.say("%s was done before, as %s.", id, out.Event.ReplayedAs)
	case out.Status >= 400:
		c.diags.AddAttributeError(path.Root("event"), "The request of event "+id+" failed again", fmt.Sprintf("The identity provider would have got %d: %s", out.Status, out.Detail))
	default:
		c.say("%s was done (%d), as %s.", id, out.Status, out.Event.ReplayedAs)
	}
}
