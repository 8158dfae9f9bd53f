package provider

import (
	"slices"
	"strings"

	"github.com/hashicorp/terraform-plugin-framework/diag"
	"github.com/hashicorp/terraform-plugin-framework/path"
)

// Names under which a plan walk remembers what it wants of a team. The server knows
// only what is live; when a mapping and an authoritative map are new in one plan,
// each would be accepted alone and one of them refused at apply. Whichever is planned
// second sees the first.
const (
	mappedTeam        = "mapped team"
	authoritativeTeam = "authoritative team"
)

// besideMappings looks at an authoritative map of members (RESOURCES.md section 0).
func besideMappings(m *memory, workspace string, doc map[string]any) diag.Diagnostics {
	var diags diag.Diagnostics
	team := textOf(doc, "team")
	if sources, _ := doc["sources"].([]any); team == "" || slices.Equal(sources, []any{"terraform"}) {
		return nil
	}
	m.create(workspace, authoritativeTeam, team)
	if m.willCreate(workspace, mappedTeam, team) {
		diags.AddAttributeError(path.Root("sources"), "Invalid sources",
			"This same plan maps a pushed group to team "+strings.ToLower(team)+". Two authorities would undo each other: write sources = [\"terraform\"], so that people whom the identity provider pushes are left alone.")
	}
	return diags
}

// besideMemberships looks at a group mapping.
func besideMemberships(m *memory, workspace string, doc map[string]any) diag.Diagnostics {
	var diags diag.Diagnostics
	team := textOf(doc, "team")
	if team == "" {
		return nil
	}
	m.create(workspace, mappedTeam, team)
	if m.willCreate(workspace, authoritativeTeam, team) {
		diags.AddAttributeError(path.Root("team"), "Invalid team",
			"This same plan manages all members of team "+strings.ToLower(team)+" with gatehouse_team_memberships. Write sources = [\"terraform\"] there, so that people whom the identity provider pushes are left alone.")
	}
	return diags
}
