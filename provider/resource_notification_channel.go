package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.NotificationChannelKind, resourceOptions{
	Description: "Messages are tried for a day until they arrive. The guide *Notifications* shows how a receiver checks the signature of a webhook.",
	List:        true,
})
