package api

import (
	"fmt"
	"time"
)

// Workspace is the tenant. Everything belongs to exactly one (C034, C089, C120).
type Workspace struct {
	Meta
	Slug               string     `json:"slug" required:"true" immutable:"true" format:"slug" doc:"Short name in paths; fixed for the life of the workspace."`
	Name               string     `json:"name" required:"true" maxLength:"200" doc:"Name that people see."`
	Plan               string     `json:"plan" enum:"free,team,enterprise" default:"enterprise" doc:"Entitlement; SSO needs enterprise (C034)."`
	Classification     string     `json:"classification" enum:"public,internal,confidential" default:"internal" doc:"Sensitivity of the content; confidential workspaces are expected to have public links off (C120)."`
	MinAdmins          int64      `json:"min_admins" minimum:"1" maximum:"50" default:"1" doc:"Fewest people (owner and admins) who must be able to administer; changes that would go below are refused (X03)."`
	DeletionProtection bool       `json:"deletion_protection" default:"true" doc:"While true, the workspace cannot be closed."`
	ClosureDays        int64      `json:"closure_days" minimum:"1" maximum:"30" default:"30" doc:"Days between closing the workspace and deletion of its data, at most 30 (C089)."`
	State              string     `json:"state,omitempty" enum:"active,closing,closed" readOnly:"true" doc:"Where the workspace is in its life."`
	ClosesAt           *time.Time `json:"closes_at,omitempty" readOnly:"true" doc:"When the data of a closing workspace is deleted."`
	LastExportAt       *time.Time `json:"last_export_at,omitempty" readOnly:"true" doc:"When the workspace's data was last exported; export before closing, because deletion cannot be undone (C090)."`
}

// WorkspaceKind declares workspace.
var WorkspaceKind = Declare(Kind{
	Name: "workspace", Plural: "workspaces", Prefix: "ws", Singleton: true, Security: true, Destroy: DestroyClose,
	Doc: "A workspace: the tenant that holds people, teams, projects and policies.",
}, func(w *Workspace) string { return w.Slug })

// exportAge is how old an export may be to count as recent when closing (C090).
const exportAge = 7 * Day

// ClosureWarning says why closing the workspace now would lose data; "" when a
// recent export exists.
func (w *Workspace) ClosureWarning(now time.Time) string {
	switch {
	case w.LastExportAt == nil:
		return fmt.Sprintf("the data of workspace %q was never exported; deletion after %d days cannot be undone", w.Slug, w.ClosureDays)
	case now.Sub(*w.LastExportAt) > exportAge:
		return fmt.Sprintf("the data of workspace %q was last exported %d days ago; deletion after %d days cannot be undone", w.Slug, int(now.Sub(*w.LastExportAt)/Day), w.ClosureDays)
	}
	return ""
}
