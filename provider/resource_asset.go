package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.AssetKind, resourceOptions{
	KeyForm:     "the path",
	Description: "It is a record for governance: the application named by `external_ref` keeps the media. Destroying it unregisters the asset, takes it out of every collection and revokes its grants; that is refused under legal hold. API tokens write it with the scope `asset_record.*`.",
})
