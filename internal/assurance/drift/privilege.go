package drift

import (
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// privilegedKinds give power by existing, whatever their attributes say.
var privilegedKinds = []*api.Kind{api.SSOConnectionKind, api.SCIMTokenKind, api.APITokenKind, api.RoleKind, api.RoleAssignmentKind}

// PrivilegedKinds are the kinds among which privileged objects are found.
func PrivilegedKinds() []*api.Kind {
	return append([]*api.Kind{api.MemberKind, api.ServiceAccountKind, api.SCIMGroupMappingKind, api.AccessGrantKind, api.TeamMembershipKind}, privilegedKinds...)
}

// Privileged reports whether an object gives somebody power over others.
func Privileged(kind *api.Kind, d Doc) bool {
	role := textOf(d, "workspace_role")
	switch kind {
	case api.MemberKind, api.ServiceAccountKind:
		active, given := d["active"].(bool)
		return (active || !given) && (role == "admin" || role == "owner")
	case api.SCIMGroupMappingKind:
		return role == "admin" || textOf(d, "role") != ""
	case api.AccessGrantKind:
		level := textOf(d, "level")
		return level == "full_access" || level == "manage" || textOf(d, "role") != ""
	case api.TeamMembershipKind:
		return textOf(d, "role") == "team_admin"
	}
	return slices.Contains(privilegedKinds, kind)
}

// telling names, by kind, the attribute that shows best what an object gives.
var telling = map[string]string{
	"member": "workspace_role", "service_account": "workspace_role", "scim_group_mapping": "group", "access_grant": "level",
	"team_membership": "role", "role_assignment": "role", "role": "base_level", "sso_connection": "protocol",
	"scim_token": "connection_name", "api_token": "scopes",
}

func tellingAttribute(kind *api.Kind, d Doc) (string, any) {
	name := telling[kind.Name]
	if name == "" || emptyAsNil(d[name]) == nil {
		return "", nil
	}
	return name, d[name]
}

// Label names an object as the report writes it.
func (i Item) Label() string { return fmt.Sprintf("%s %q", i.Kind, i.Key) }
