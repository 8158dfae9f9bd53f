package sharing

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

var _ = object.Register(api.AssetKind, object.Rules[*api.Asset]{
	Table: itemTable,
	Columns: func(a *api.Asset) []any {
		return itemColumns(a.Path, "", a.Owner, a.Inheritance)
	},
	FilterColumns: map[string]string{"path": "key"},
	AuthzRelevant: true,
	Authorise:     authoriseAsset,
	Visible: func(ctx context.Context, s *object.Scope, a *api.Asset) (bool, error) {
		return sees(ctx, s, a.Path, itemRead)
	},
	Validate: func(ctx context.Context, c *object.Change[*api.Asset]) ([]api.Violation, error) {
		var out []api.Violation
		var err error
		if owner := c.New.Owner; owner != "" && (c.Created || owner != c.Old.Owner) {
			out, err = checkOwner(ctx, c.Scope, api.AssetKind, owner)
		}
		if !c.Created || err != nil {
			return out, err
		}
		more, err := checkPlace(ctx, c.Scope, api.AssetKind, c.New.Path)
		out = append(out, more...)
		if parent := vocabulary.ParentPath(c.New.Path); err == nil && len(out) == 0 && parent == vocabulary.RootPath {
			out = append(out, api.Invalid("/path", "an asset lies in a project or a folder; write e.g. /campaigns%s", c.New.Path))
		}
		return out, err
	},
	Prepare: func(ctx context.Context, c *object.Change[*api.Asset]) (err error) {
		if c.Created && c.New.Owner == "" && c.Caller.Kind == object.PrincipalMember {
			c.New.Owner = c.Caller.Key
		}
		c.New.Project, err = projectOf(ctx, c.Scope, c.New.Path)
		return err
	},
	Destroy: func(ctx context.Context, c *object.Change[*api.Asset]) (*api.Asset, error) {
		if c.Old.LegalHold {
			return nil, api.NewProblem(api.CodeConflict, "The asset %s is under legal hold and stays. When the hold is over, an owner or an admin sets legal_hold = false; apply that, and delete the asset then.", c.Old.Path)
		}
		return nil, putInTrash(ctx, c.Scope, api.AssetKind, c.Old, c.Old.Name)
	},
	Destroyed: trashed,
	After: func(ctx context.Context, c *object.Change[*api.Asset]) error {
		if !c.Deleted {
			return nil
		}
		if err := leaveCollections(ctx, c.Scope, c.Old.Path); err != nil {
			return err
		}
		return revokeOn(ctx, c.Scope, c.Old)
	},
	Effect: assetEffect,
})

// authoriseAsset goes by the item permissions that the record takes, not by those of
// the media: who registers assets need not be able to upload.
func authoriseAsset(ctx context.Context, c *object.Change[*api.Asset]) error {
	if err := c.Require(ctx, api.AssetKind.WritePermission()); err != nil {
		return err
	}
	if c.Deleted {
		// C023: what one registered oneself takes no more than edit.
		if own, err := sees(ctx, c.Scope, c.Old.Path, vocabulary.AssetDeleteOwn); own || err != nil {
			return err
		}
		return need(ctx, c.Scope, c.Old.Path, itemDelete)
	}
	if err := mayOwn(ctx, c); err != nil {
		return err
	}
	at, was := c.New.Path, c.Old
	if c.Created {
		at, was = vocabulary.ParentPath(c.New.Path), &api.Asset{Inheritance: "inherit"}
		if err := need(ctx, c.Scope, at, itemCreate); err != nil {
			return err
		}
	} else if was.Name != c.New.Name || was.ExternalRef != c.New.ExternalRef {
		if err := need(ctx, c.Scope, at, itemUpdate); err != nil {
			return err
		}
	}
	if was.LegalHold != c.New.LegalHold {
		all, err := governs(ctx, c.Scope)
		if err != nil {
			return err
		}
		if !all {
			return refuseAttribute("/legal_hold", "only an owner or an admin puts an asset under legal hold and releases it")
		}
	}
	settings := was.Inheritance != c.New.Inheritance || was.Archived != c.New.Archived || was.LegalHold != c.New.LegalHold
	if settings || !c.Created && was.Classification != c.New.Classification {
		return need(ctx, c.Scope, at, itemSettings)
	}
	if !c.Created && was.Name == c.New.Name && was.ExternalRef == c.New.ExternalRef {
		// Nothing but ownership changes; that too is not for who may only look.
		return need(ctx, c.Scope, at, itemSettings)
	}
	return nil
}

// mayOwn: members register what is theirs; what is somebody else's is named by those
// who have full access there.
func mayOwn(ctx context.Context, c *object.Change[*api.Asset]) error {
	switch owner := c.New.Owner; {
	case owner == "" || !c.Created && owner == c.Old.Owner:
		return nil
	case c.Created && object.PrincipalMember+":"+owner == c.Caller.Principal():
		return nil
	case c.Created:
		return needTransfer(ctx, c.Scope, api.AssetKind, vocabulary.ParentPath(c.New.Path))
	}
	return needTransfer(ctx, c.Scope, api.AssetKind, c.Old.Path)
}

func assetEffect(was, is *api.Asset) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectNeutral
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Closes(was.Inheritance == "restricted", is.Inheritance == "restricted")
	t.Closes(was.Archived, is.Archived)
	t.Unclear(was.Owner != is.Owner)
	if was.Classification == "" || is.Classification == "" {
		t.Unclear(was.Classification != is.Classification) // the project's, which may change
	} else {
		t.Rank(classificationOrder, was.Classification, is.Classification)
	}
	return t.Effect()
}
