package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.AccessGrantKind, resourceOptions{
	KeyForm:     "principal@path",
	Description: "It says nothing about other grants on the item. Do not use it together with `gatehouse_access_grants` for the same item: that one would remove it.",
	Stable:      []string{"source"},
	List:        true,
})
