package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.ShareLinkKind, resourceOptions{
	KeyForm: "path#name, the name in lower case with hyphens for what is neither letter nor digit",
	Description: "Its URL is not in the state: the ephemeral resource `gatehouse_share_link_url` gives it out. " +
		"Whether links may be made, for how long, and whether they need a password is set by `gatehouse_sharing_policy`: where both are in one configuration, let the link depend on it (`depends_on`). " +
		"With `notify_recipients = true` the recipients of a recipient link are mailed its URL: all of them when it is made, again only when `rotation` or the API makes another one, and those who are added later when they are; a link that waits for approval is mailed when it is approved. It is off by default, because making a URL is copying a link: whoever made it hands it on, by whatever channel. Mind that a plan opens `gatehouse_share_link_url` too, so that a raised `rotation` mails at plan. " +
		"A URL that was made without a rotation is known to nobody afterwards; recipients who come later are mailed that its maker sends it. " +
		"The password goes in by `password_wo` and is changed by raising `password_wo_version`; it is kept as a hash, and nobody can read it again. " +
		"Destroying the link closes it at once: its URL answers that access was taken away, and visits under way end with their next click. " +
		"Who looked, and how often, is in the data sources `gatehouse_share_activity` and `gatehouse_shares`, so that no plan differs because somebody looked.",
	Hints: map[string]string{
		"/password_wo": "Recipient links need no password: each visitor shows by a code that the address is theirs.",
		"/kind":        "public_links and external_sharing are attributes of gatehouse_sharing_policy.",
	},
	Stable: []string{"created_by"},
	List:   true,
})
