package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.DataResidencyKind, resourceOptions{
	Description: "The `gatehouse_regions` data source lists the regions. Data is migrated, never replaced.",
})
