package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.AccessGrantKind, resourceOptions{
	KeyForm: "principal@path",
	Description: "It says nothing about other grants on the item. Do not use it together with `gatehouse_access_grants` for the same item: that one would remove it. " +
		"The owner of an e-mail address (`email:…`) is mailed when the grant takes effect, after the approval where it waits for one, and when it comes to give more or another role: who shares what, until when, and your own words (`message`). Applying the same again mails nothing, nor do changes that take away or destroy. One address is mailed five times a day about one item at most.",
	Stable: []string{"source"},
	List:   true,
})
