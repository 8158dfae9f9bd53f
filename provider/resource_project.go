package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.ProjectKind, resourceOptions{
	KeyForm:     "the path",
	Description: "A destroyed project stays in the trash for the days of `gatehouse_retention_policy`.",
	List:        true,
})
