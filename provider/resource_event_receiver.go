package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.EventReceiverKind, resourceOptions{
	Description: "The receiver is told of leavers, whichever way they leave: through the identity provider, by Terraform or by hand. Tokens are tried for a week until they are accepted, and what concerns one person arrives in the order in which it happened. The guide *Security events* shows what a receiver has to check.",
	List:        true,
})
