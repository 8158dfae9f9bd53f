package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.InvitationKind, resourceOptions{
	KeyForm: "the e-mail address",
	Description: "The person joins, with their teams or projects, when they accept by the link in the mail; `state` says how far it is. " +
		"Destroying an invitation takes it back while nobody has answered; afterwards it changes nothing for who has joined. " +
		"An invitation that has ended without an answer is sent again with the action `gatehouse_resend_invitation` or `gatehouse invitation resend`. " +
		"To have somebody in the workspace without asking them, declare `gatehouse_member` or `gatehouse_guest` instead, not both. " +
		"Addresses of a domain of a `gatehouse_sso_connection` (without any: of the Owner's domain) are the organisation's own; others obey `gatehouse_sharing_policy`.",
	Hints: map[string]string{
		"/workspace_role": "There is one Owner, who hands the workspace over with gatehouse_workspace_owner.",
	},
})
