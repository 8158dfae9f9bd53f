package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.TeamMembershipKind, resourceOptions{
	KeyForm:     "team/e-mail",
	Description: "It says nothing about the team's other members. Do not use it together with `gatehouse_team_memberships` for the same team: that one would remove it.",
	Stable:      []string{"source"},
	List:        true,
})
