package export

import (
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// family is the kinds that are read together: one file.
type family struct {
	file, about string
	kinds       []string
}

// families are the files in the order of imports.tf, and the kinds in the order
// within a file.
var families = []family{
	{"workspace.tf", "The workspace, and the policies about all of it.",
		[]string{"workspace", "workspace_owner", "change_policy", "data_residency", "retention_policy", "audit_policy"}},
	{"people.tf", "People, teams, and the accounts of machines.",
		[]string{"member", "guest", "invitation", "team", "team_membership", "service_account", "api_token"}},
	{"access.tf", "Items, roles, and who has which access.",
		[]string{"project", "folder", "asset", "collection", "role", "role_assignment", "access_grant", "attribute_policy", "separation_of_duties_rule"}},
	{"signin.tf", "How people sign in.",
		[]string{"sso_connection", "login_policy", "mfa_policy", "session_policy"}},
	{"provisioning.tf", "What an identity provider pushes, and what it means here.",
		[]string{"scim_token", "scim_group_mapping", "provisioning_policy"}},
	{"notices.tf", "Who is told of what.",
		[]string{"notification_policy", "notification_channel", "event_receiver"}},
	{"sharing.tf", "What may leave the workspace.",
		[]string{"approval_policy", "sharing_policy", "sharing_policy_override", "share_link"}},
}

// strays is the family of kinds that no family names.
const strays = "access.tf"

// fileOf names the file of a kind.
func fileOf(kind *api.Kind) string {
	for _, f := range families {
		for _, name := range f.kinds {
			if name == kind.Name {
				return f.file
			}
		}
	}
	return strays
}

// ordered lists the kinds that have objects of their own, in the order of the files.
func ordered() []*api.Kind {
	var out []*api.Kind
	for _, f := range families {
		known := map[string]bool{}
		for _, name := range f.kinds {
			known[name] = true
			if kind := api.KindByName(name); kind != nil && !kind.View {
				out = append(out, kind)
			}
		}
		for _, kind := range api.Kinds() {
			if !kind.View && !known[kind.Name] && fileOf(kind) == f.file {
				out = append(out, kind)
			}
		}
	}
	return out
}
