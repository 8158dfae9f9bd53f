package provider

import (
	"context"

	"github.com/hashicorp/terraform-plugin-framework/action/schema"
	"github.com/hashicorp/terraform-plugin-framework/schema/validator"
	"github.com/hashicorp/terraform-plugin-framework/types"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = actionFor("resend_invitation", actionOptions{
	Description: "Sends an invitation that nobody has answered again, with a new link; the links before open nothing any more. It also renews one that has ended. " +
		"The server sends an invitation at most five times a day. The same on the command line: `gatehouse invitation resend`.",
	Attributes: map[string]schema.Attribute{
		"email": schema.StringAttribute{Required: true, MarkdownDescription: "Whom the invitation is for, e.g. `gatehouse_invitation.nora.email`.",
			Validators: []validator.String{fieldRule{field: api.InvitationKind.Field("email")}}},
	},
	Invoke: resendInvitation,
})

type resendModel struct {
	Workspace types.String `tfsdk:"workspace"`
	Email     types.String `tfsdk:"email"`
}

func resendInvitation(ctx context.Context, c *actionCall) {
	var m resendModel
	if !c.read(ctx, &m) {
		return
	}
	doc, err := c.plane.at(c.workspace).ResendInvitation(ctx, canonical("email", m.Email.ValueString()))
	if err != nil {
		addProblem(c.diags, "Cannot send the invitation of "+m.Email.ValueString()+" again", err)
		return
	}
	c.say("Sent to %v; the link is good until %v.", doc["email"], doc["expires_at"])
}
