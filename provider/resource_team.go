package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.TeamKind, resourceOptions{
	KeyForm:     "the slug",
	Description: "Members are held by `gatehouse_team_membership` (additive) or `gatehouse_team_memberships` (authoritative), never by the team. A team that owns projects is only destroyed when `transfer_to` names who receives them.",
	List:        true,
})
