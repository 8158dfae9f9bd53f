package api

import (
	"strings"
)

// Project is an item that holds a team's work (C019, C030, C032, C033).
type Project struct {
	Meta
	Path                  string `json:"path" required:"true" immutable:"true" format:"path" filter:"true" doc:"Absolute path, e.g. /campaigns; the natural key."`
	Name                  string `json:"name" required:"true" maxLength:"200" doc:"Name that people see."`
	Team                  string `json:"team" required:"true" format:"slug" ref:"team" filter:"true" doc:"Slug of the owning team; its members have access by their team role."`
	Owner                 string `json:"owner,omitempty" format:"email" ref:"member" computed:"true" doc:"E-mail of the project owner; only the workspace Owner may transfer it (C032)."`
	Inheritance           string `json:"inheritance" enum:"inherit,restricted" default:"inherit" doc:"restricted cuts the levels inherited from above (C030)."`
	Classification        string `json:"classification" enum:"public,internal,confidential" default:"internal" doc:"Sensitivity of the content."`
	AllowGuestUploads     bool   `json:"allow_guest_uploads" default:"false" doc:"Guests may upload here (C059)."`
	AllowGuestAIWorkflows bool   `json:"allow_guest_ai_workflows" default:"false" ownerOnly:"true" doc:"Guests may run AI workflows here; owner only (C033)."`
	DeletionProtection    bool   `json:"deletion_protection" default:"false" doc:"While true, the project cannot be deleted."`
}

// ProjectKind declares project.
var ProjectKind = Declare(Kind{
	Name: "project", Plural: "projects", Prefix: "proj", Destroy: DestroyDelete,
	Doc: "A project: the item that holds a team's work.",
}, func(p *Project) string { return strings.ToLower(p.Path) })

// Validate checks that the path can be an item's.
func (p *Project) Validate() []Violation { return checkDeclaredPath("/path", p.Path) }
