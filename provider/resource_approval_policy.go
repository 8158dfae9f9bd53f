package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.ApprovalPolicyKind, resourceOptions{
	Description: "It decides nothing until `approval_policy` of `gatehouse_sharing_policy` names it, together with `require_external_approval = true`. " +
		"From then on shares with people outside (access grants to them, share links, guests, invitations) are made with `state = \"pending_approval\"` and give nothing until they are approved with `gatehouse approval approve`; " +
		"what is denied, or not decided within `expires_after`, is removed. This holds for admins and for Terraform itself as well. " +
		"Conditions are [Cedar](https://docs.cedarpolicy.com/policies/syntax-policy.html) expressions, checked at plan against the server's schema. " +
		"Requests that wait follow the policy as it is when they are decided. " +
		"It cannot be destroyed while a sharing policy names it, and a destroyed `gatehouse_sharing_policy` is kept as it is unless `on_destroy = \"reset\"`.",
})
