package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.GuestKind, resourceOptions{
	KeyForm: "the e-mail address",
	Description: "It is the guest's whole access: the server makes their identity and a grant on each of `projects`, and keeps both in step; " +
		"`gatehouse_access_grants` of the same items leaves those grants alone. " +
		"Who may make guests, of which domains and for how long is set by `gatehouse_sharing_policy`: where both are in one configuration, let the guest depend on it (`depends_on`). " +
		"To make a guest a member, destroy `gatehouse_guest` first and then declare `gatehouse_member`: the same identity comes back.",
	Hints: map[string]string{
		"/sponsor":   "The sponsor is a member of the organisation. When they leave, sponsor_active turns false: name another one.",
		"/max_level": "Guests never manage. For somebody who should, declare a gatehouse_member.",
	},
	List: true,
})
