package api

import (
	"strings"
)

// Folder is a path segment under the root, a project or another folder (X22).
type Folder struct {
	Meta
	Path        string `json:"path" required:"true" immutable:"true" format:"path" filter:"true" doc:"Absolute path, e.g. /finance/quarterly; the natural key."`
	Name        string `json:"name,omitempty" maxLength:"200" doc:"Name that people see; the last segment when empty."`
	Inheritance string `json:"inheritance" enum:"inherit,restricted" default:"inherit" doc:"restricted cuts the levels inherited from above."`
}

// FolderKind declares folder.
var FolderKind = Declare(Kind{
	Name: "folder", Plural: "folders", Prefix: "fold", Destroy: DestroyDelete,
	Doc: "A folder in the item tree.",
}, func(f *Folder) string { return strings.ToLower(f.Path) })

// Validate checks that the path can be an item's.
func (f *Folder) Validate() []Violation { return checkDeclaredPath("/path", f.Path) }
