package provider

import "github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"

var _ = resourceFor(api.SCIMGroupMappingKind, resourceOptions{
	KeyForm:     "connection/group/target, where target is team:slug, workspace_role or role:name@path",
	Description: "A mapping has one meaning: `team` and `team_role`, or `workspace_role`, or `role` and `scope`. Destroying it ends the memberships that came from it. Changing its meaning makes a new mapping.",
	Beside:      besideMemberships,
	List:        true,
})
