package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.MemberKind, resourceOptions{
	KeyForm: "the e-mail address",
	Description: "For people whom an identity provider provisions, `display_name` and `active` stay what it says unless they are written here, and `email` is what it says. " +
		"When it calls somebody otherwise, the member stays the same, with all they hold; the plan shows the old address as drift, and never replaces them. " +
		"Write the new address then, and where it is a key of `for_each`, a `moved` block. " +
		"Team membership is held by `gatehouse_team_membership` (one person) or `gatehouse_team_memberships` (a whole team).",
	Hints: map[string]string{
		"/workspace_role": "The one owner is set with gatehouse_workspace_owner. People from outside are guests of projects, not members.",
	},
	Stable:    []string{"source", "external_id"},
	SCIMOwned: []string{"display_name", "active"},
	Renames:   "email",
	List:      true,
})
