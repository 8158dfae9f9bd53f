package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/path"
	"github.com/hashicorp/terraform-plugin-framework/types"
)

var _ = actionFor("verify_event_receiver", actionOptions{
	Description: "Sends a receiver of security events the verification event and fails when it does not accept it. A receiver that does gets at once what waits for it. The same on the command line: `gatehouse event-receiver verify`.",
	Attributes: map[string]schema.Attribute{
		"receiver": schema.StringAttribute{Required: true, MarkdownDescription: "Name or id of the receiver, e.g. `gatehouse_event_receiver.mail.name`."},
	},
	Invoke: verifyEventReceiver,
})

type verifyModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Receiver  types.String `tfsdk:"receiver"`
}

func verifyEventReceiver(ctx context.Context, c *actionCall) {
	var m verifyModel
	if !c.read(ctx, &m) {
		return
	}
	name := m.Receiver.ValueString()
	v, err := c.plane.at(c.workspace).VerifyEventReceiver(ctx, name)
	switch {
	case err != nil:
		addProblem(c.diags, "Cannot verify event receiver "+name, err)
	case !v.Accepted:
		c.diags.AddAttributeError(path.Root("receiver"), "Event receiver "+name+" did not accept the verification event", "It is "+v.ID+", and this is why not: "+v.Error+".")
	default:
		c.say("%s accepted the verification event %s (%d).", name, v.ID, v.Status)
	}
}
