package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.SharingPolicyKind, resourceOptions{
	Description: "Single items are kept stricter with `gatehouse_sharing_policy_override`. " +
		"What a change does to shares that exist is a choice of its own: `existing_shares`. The plan lists those that would not conform, and what happens to them.",
	Preview: previewPolicy,
})
