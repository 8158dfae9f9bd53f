package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

var _ = object.Register(api.FolderKind, object.Rules[*api.Folder]{
	Table: itemTable,
	Columns: func(f *api.Folder) []any {
		return itemColumns(f.Path, "", "", f.Inheritance)
	},
	FilterColumns: map[string]string{"path": "key"},
	AuthzRelevant: true,
	Authorise:     authoriseFolder,
	Visible: func(ctx context.Context, s *object.Scope, f *api.Folder) (bool, error) {
		return sees(ctx, s, f.Path, itemRead)
	},
	Validate: validateFolder,
	Destroy: func(ctx context.Context, c *object.Change[*api.Folder]) (*api.Folder, error) {
		if err := refuseWhileFull(ctx, c.Scope, "folder", c.Old.Path); err != nil {
			return nil, err
		}
		return nil, putInTrash(ctx, c.Scope, api.FolderKind, c.Old, c.Old.Name)
	},
	Destroyed: trashed,
	After: func(ctx context.Context, c *object.Change[*api.Folder]) error {
		if c.Deleted {
			return revokeOn(ctx, c.Scope, c.Old)
		}
		return nil
	},
	Effect: folderEffect,
})

// authoriseFolder: a folder belongs to no team and to nobody, so what may be done
// with it follows from the item above; at the top, that is the workspace.
func authoriseFolder(ctx context.Context, c *object.Change[*api.Folder]) error {
	if err := c.Require(ctx, api.FolderKind.WritePermission()); err != nil {
		return err
	}
	switch {
	case c.Deleted:
		return need(ctx, c.Scope, c.Old.Path, itemDelete)
	case c.Created && c.New.Inheritance == "restricted":
		// To cut off what others inherit takes the settings, not only a place to write.
		return need(ctx, c.Scope, vocabulary.ParentPath(c.New.Path), itemCreate, itemSettings)
	case c.Created:
		return need(ctx, c.Scope, vocabulary.ParentPath(c.New.Path), itemCreate)
	}
	return need(ctx, c.Scope, c.Old.Path, itemSettings)
}

func validateFolder(ctx context.Context, c *object.Change[*api.Folder]) ([]api.Violation, error) {
	if !c.Created {
		return nil, nil
	}
	out, err := checkParent(ctx, c.Scope, c.New.Path)
	if err != nil {
		return nil, err
	}
	more, err := checkUnused(ctx, c.Scope, api.FolderKind, c.New.Path)
	return append(out, more...), err
}

func folderEffect(was, is *api.Folder) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectNeutral
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Closes(was.Inheritance == "restricted", is.Inheritance == "restricted")
	return t.Effect()
}
