package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.AccessGrantsKind, resourceOptions{
	KeyForm: "the path",
	Description: "Principals that are not in `grants` lose what they were granted on this item itself, within `sources`; inherited access is not touched. A plan that would remove too many at once is refused (`guards.max_removal_ratio` of the provider). " +
		"For single grants, and for those with an expiry, a condition or a message, use `gatehouse_access_grant`; e-mail addresses are mailed what they are given by either.",
	Guard: func(p *controlPlane, planned, live map[string]any) diag.Diagnostics {
		return guardRemoval(p.guards, path.Root("grants"), "grants on "+textOf(planned, "resource"), entriesOf(planned, "grants"), entriesOf(live, "grants"))
	},
})
