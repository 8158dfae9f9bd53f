package api

import (
	"strings"
)

// Asset is the governance record of a piece of media that an application holds: where
// it is in the tree, how sensitive it is, and whether it may go (C019). The media
// itself is never here.
type Asset struct {
	Meta
	Path           string `json:"path" required:"true" immutable:"true" format:"path" filter:"true" doc:"Absolute path inside a project or folder, e.g. /campaigns/teaser.mp4; the natural key."`
	Name           string `json:"name,omitempty" maxLength:"200" doc:"Name that people see; the last segment when empty."`
	ExternalRef    string `json:"external_ref,omitempty" maxLength:"500" doc:"What the application that holds the media calls it."`
	Project        string `json:"project,omitempty" readOnly:"true" doc:"Path of the project that the asset is in; empty outside of projects."`
	Owner          string `json:"owner,omitempty" format:"email" ref:"member" computed:"true" doc:"E-mail of who answers for the asset: the member who registered it, until somebody with full access hands it to another (X06). Who may edit deletes their own."`
	Classification string `json:"classification,omitempty" enum:"public,internal,confidential" doc:"Sensitivity of the content; that of the project when empty."`
	Inheritance    string `json:"inheritance" enum:"inherit,restricted" default:"inherit" doc:"restricted cuts the levels inherited from above, and those that come through collections."`
	Archived       bool   `json:"archived" default:"false" doc:"While true, nothing changes in the asset but its settings and who has access."`
	LegalHold      bool   `json:"legal_hold" default:"false" doc:"While true, the asset cannot be unregistered. Owners and admins set and release it."`
}

// AssetKind declares asset. asset.read is to view the content of one (C021), so the
// permissions of the records have a noun of their own.
var AssetKind = Declare(Kind{
	Name: "asset", Plural: "assets", Prefix: "asst", PermissionsOf: "asset_record", Destroy: DestroyDelete,
	Doc: "An asset: the governance record of a piece of media.",
}, func(a *Asset) string { return strings.ToLower(a.Path) })

// Validate checks that the path can be an item's.
func (a *Asset) Validate() []Violation { return checkDeclaredPath("/path", a.Path) }
