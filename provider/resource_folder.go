package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.FolderKind, resourceOptions{
	KeyForm:     "the path",
	Description: "Only an empty folder can be destroyed.",
})
