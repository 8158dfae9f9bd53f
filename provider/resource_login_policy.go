package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.LoginPolicyKind, resourceOptions{
	Description: "Single sign-on can only be enforced when an enabled connection had a successful test login, so that nobody locks the door from outside.",
})
