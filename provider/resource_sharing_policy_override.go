package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.SharingPolicyOverrideKind, resourceOptions{
	KeyForm: "the path of the item",
	Description: "What it leaves out is inherited from the overrides above it and from `gatehouse_sharing_policy`. Of each attribute the strictest holds, however many overrides are on the way, and also when the policy of the workspace changes later; " +
		"an attribute that is looser than what holds above is refused, with the bound. " +
		"With `allow_loosen = true`, which only the Owner may set, what the override says replaces what holds above it, and overrides below it still tighten. " +
		"What it does to shares that exist follows `existing_shares`, its own or the inherited one; a plan lists those that would not conform. " +
		"An override goes with its item.",
	Preview: previewOverride,
	Gone:    withoutOverride,
	Hints: map[string]string{
		"/path": "What holds for the whole workspace is written in gatehouse_sharing_policy.",
	},
})
