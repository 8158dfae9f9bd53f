package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.NotificationPolicyKind, resourceOptions{
	Description: "Everybody has an inbox with everything that concerns them, whatever this says; it is about e-mail, and people may choose otherwise for themselves.",
})
