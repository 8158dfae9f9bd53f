package api

import (
	"fmt"
	"strings"
)

// Collection is an item of references to assets: who is given access to it sees all
// of them at that level (C031). The assets stay where they are.
type Collection struct {
	Meta
	Path        string   `json:"path" required:"true" immutable:"true" format:"path" filter:"true" doc:"Absolute path inside a project, e.g. /campaigns/best-of; the natural key."`
	Name        string   `json:"name,omitempty" maxLength:"200" doc:"Name that people see; the last segment when empty."`
	Project     string   `json:"project,omitempty" readOnly:"true" doc:"Path of the project that the collection is in."`
	Owner       string   `json:"owner,omitempty" format:"email" ref:"member" computed:"true" doc:"E-mail of the owner, who has full access to the collection and, through it, to its assets. To name one takes full access to all of that (X06); nobody owns it until then."`
	AssetIDs    []string `json:"asset_ids,omitempty" ordered:"true" format:"path" maxItems:"1000" doc:"Paths of the assets that the collection shows, in its order. An asset that is unregistered disappears from here."`
	Inheritance string   `json:"inheritance" enum:"inherit,restricted" default:"inherit" doc:"restricted cuts the levels inherited from above."`
}

// CollectionKind declares collection.
var CollectionKind = Declare(Kind{
	Name: "collection", Plural: "collections", Prefix: "coll", Destroy: DestroyDelete,
	Doc: "A collection: assets that are shared together, by reference.",
}, func(c *Collection) string { return strings.ToLower(c.Path) })

// Validate checks that the path can be an item's, and that no asset is named twice.
func (c *Collection) Validate() []Violation {
	out := checkDeclaredPath("/path", c.Path)
	seen := make(map[string]bool, len(c.AssetIDs))
	for i, path := range c.AssetIDs {
		at := fmt.Sprintf("/asset_ids/%d", i)
		if seen[path] {
			out = append(out, Invalid(at, "the asset %s is in the list twice; name it once", path))
			continue
		}
		seen[path] = true
		out = append(out, checkDeclaredPath(at, path)...)
	}
	return out
}
