package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.ServiceAccountKind, resourceOptions{
	Description: "What it may do comes from `gatehouse_role_assignment` and `gatehouse_access_grant` with the principal `service_account:<name>`; its credentials are `gatehouse_api_token`.",
})
