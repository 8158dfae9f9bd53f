package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.CollectionKind, resourceOptions{
	KeyForm:     "the path",
	Description: "Who is given access to a collection has that level on every asset in it, wherever the asset lies, unless something denies it on one of its paths. Destroying a collection removes the references; the assets stay.",
	List:        true,
})
