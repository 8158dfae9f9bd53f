package provider

import (
	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

var _ = resourceFor(api.TeamMembershipsKind, resourceOptions{
	KeyForm: "the team's slug",
	Description: "People who are not in `members` are removed from the team, within `sources`. A plan that would remove too many at once is refused (`guards.max_removal_ratio` of the provider). " +
		"For single people beside others use `gatehouse_team_membership`.",
	Hints: map[string]string{
		"/sources": "A team that an identity provider fills is only managed here for sources = [\"terraform\"].",
	},
	Beside: besideMappings,
	Guard: func(p *controlPlane, planned, live map[string]any) diag.Diagnostics {
		return guardRemoval(p.guards, path.Root("members"), "members of team "+textOf(planned, "team"), entriesOf(planned, "members"), entriesOf(live, "members"))
	},
})
