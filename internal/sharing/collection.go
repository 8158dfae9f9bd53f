package sharing

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Collections are references (X22): nothing is below one, and it names assets only, so
// that no circle can arise.
var _ = object.Register(api.CollectionKind, object.Rules[*api.Collection]{
	Table: itemTable,
	Columns: func(c *api.Collection) []any {
		return itemColumns(c.Path, "", c.Owner, c.Inheritance)
	},
	FilterColumns: map[string]string{"path": "key"},
	AuthzRelevant: true,
	Authorise:     authoriseCollection,
	Visible: func(ctx context.Context, s *object.Scope, c *api.Collection) (bool, error) {
		return sees(ctx, s, c.Path, itemRead)
	},
	Validate: validateCollection,
	Prepare: func(ctx context.Context, c *object.Change[*api.Collection]) (err error) {
		c.New.Project, err = projectOf(ctx, c.Scope, c.New.Path)
		return err
	},
	Destroy: func(ctx context.Context, c *object.Change[*api.Collection]) (*api.Collection, error) {
		return nil, putInTrash(ctx, c.Scope, api.CollectionKind, c.Old, c.Old.Name)
	},
	Destroyed: trashed,
	After:     afterCollection,
	Effect:    collectionEffect,
})

// maxCollections is how many collections one asset can be in: every decision about it
// looks at all of them.
const maxCollections = 100

// maxAssetsShown is how many assets one collection can show (api.Collection).
const maxAssetsShown = 1000

func authoriseCollection(ctx context.Context, c *object.Change[*api.Collection]) error {
	if err := c.Require(ctx, api.CollectionKind.WritePermission()); err != nil {
		return err
	}
	if c.Deleted {
		return need(ctx, c.Scope, c.Old.Path, collectionDelete)
	}
	at := c.New.Path
	var known []string
	if c.Created {
		at = vocabulary.ParentPath(c.New.Path)
		if err := need(ctx, c.Scope, at, collectionCreate); err != nil {
			return err
		}
	} else {
		known = c.Old.AssetIDs
		if err := need(ctx, c.Scope, at, collectionUpdate); err != nil {
			return err
		}
	}
	if !c.Created && c.New.Inheritance != c.Old.Inheritance || c.Created && c.New.Inheritance == "restricted" {
		if err := need(ctx, c.Scope, at, itemSettings); err != nil {
			return err
		}
	}
	if owner := c.New.Owner; owner != "" && (c.Created || owner != c.Old.Owner) {
		if err := needTransfer(ctx, c.Scope, api.CollectionKind, at); err != nil {
			return err
		}
		known = nil // the new owner gets all of it
	}
	return mayShow(ctx, c, at, known)
}

// mayShow refuses to take assets into a collection for who may not share them: its
// recipients have access to them from then on (C031). Like a grant, it gives no more
// than the caller has there; level is what the collection gives, seen from at.
func mayShow(ctx context.Context, c *object.Change[*api.Collection], at string, known []string) error {
	had := make(map[string]bool, len(known))
	for _, path := range known {
		had[path] = true
	}
	if object.Within(c.New.AssetIDs, known) {
		return nil
	}
	level, err := givenBy(ctx, c.Scope, at, c.New.Path)
	if err != nil {
		return err
	}
	if c.New.Owner != "" || !c.Created && c.Old.Owner != "" {
		level = vocabulary.LevelFullAccess
	}
	for i, path := range c.New.AssetIDs {
		if had[path] {
			continue
		}
		kind, err := itemKind(ctx, c.Scope, path)
		if err != nil {
			return err
		}
		if kind != api.AssetKind.Name {
			continue // validateCollection says so
		}
		if err := need(ctx, c.Scope, path, grantCreate); err != nil {
			return err
		}
		if err := mayGive(ctx, c.Scope, gift{path: path, at: fmt.Sprintf("/asset_ids/%d", i), level: level}); err != nil {
			return err
		}
	}
	return nil
}

// givenBy is the highest level that a collection hands on: the caller's own, and that
// of the grants on it.
func givenBy(ctx context.Context, s *object.Scope, at, path string) (vocabulary.Level, error) {
	d, err := s.DecideOn(ctx, at, itemRead)
	if err != nil {
		return vocabulary.LevelNone, err
	}
	level := d.Level
	rows, err := s.Tx.QueryContext(ctx, `SELECT DISTINCT level, role FROM access_grant WHERE workspace_id = $1 AND resource = $2`, s.WorkspaceID, path)
	if err != nil {
		return level, fmt.Errorf("reading the grants on %s: %w", path, err)
	}
	defer func() { _ = rows.Close() }()
	var roles []string
	for rows.Next() {
		var name, role string
		if err := rows.Scan(&name, &role); err != nil {
			return level, fmt.Errorf("reading the grants on %s: %w", path, err)
		}
		if role != "" {
			roles = append(roles, role)
			continue
		}
		given, err := vocabulary.ParseLevel(name)
		if err != nil {
			return level, fmt.Errorf("reading the grants on %s: %w", path, err)
		}
		level = max(level, given)
	}
	if err := rows.Err(); err != nil {
		return level, fmt.Errorf("reading the grants on %s: %w", path, err)
	}
	for _, name := range roles {
		role, err := findRole(ctx, s, name)
		if err != nil {
			return level, err
		}
		if role != nil {
			level = max(level, role.level)
		}
	}
	return level, nil
}

func validateCollection(ctx context.Context, c *object.Change[*api.Collection]) ([]api.Violation, error) {
	var out []api.Violation
	var known []string
	if owner := c.New.Owner; owner != "" && (c.Created || owner != c.Old.Owner) {
		var err error
		if out, err = checkOwner(ctx, c.Scope, api.CollectionKind, owner); err != nil {
			return nil, err
		}
	}
	if c.Created {
		more, err := checkPlace(ctx, c.Scope, api.CollectionKind, c.New.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, more...)
		project, err := projectOf(ctx, c.Scope, c.New.Path)
		if err != nil {
			return nil, err
		}
		if project == "" && len(out) == 0 {
			out = append(out, api.Invalid("/path", "%s is in no project, and collections belong to one; write a path below a project, e.g. /campaigns/best-of", c.New.Path))
		}
	} else {
		known = c.Old.AssetIDs
	}
	for i, path := range c.New.AssetIDs {
		if slices.Contains(known, path) {
			continue
		}
		v, err := checkShown(ctx, c.Scope, fmt.Sprintf("/asset_ids/%d", i), path)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// checkShown is the violation of a path that a collection cannot show.
func checkShown(ctx context.Context, s *object.Scope, at, path string) ([]api.Violation, error) {
	kind, err := itemKind(ctx, s, path)
	switch {
	case err != nil:
		return nil, err
	case kind == "":
		return []api.Violation{object.MissingReference(at, api.AssetKind, path)}, nil
	case kind != api.AssetKind.Name:
		return []api.Violation{api.Invalid(at, "%s is a %s; a collection references assets only", path, kind)}, nil
	}
	var in int
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM collection_asset WHERE workspace_id = $1 AND asset_path = $2`, s.WorkspaceID, path).Scan(&in); err != nil {
		return nil, fmt.Errorf("counting the collections of %s: %w", path, err)
	}
	if in >= maxCollections {
		return []api.Violation{api.Invalid(at, "the asset %s is in %d collections already, and %d is the most; take it out of one first", path, in, maxCollections)}, nil
	}
	return nil, nil
}

func afterCollection(ctx context.Context, c *object.Change[*api.Collection]) error {
	if c.Deleted {
		if _, err := c.Tx.ExecContext(ctx, `DELETE FROM collection_asset WHERE workspace_id = $1 AND collection_path = $2`, c.WorkspaceID, c.Old.Path); err != nil {
			return fmt.Errorf("removing the references of %s: %w", c.Old.Path, err)
		}
		return revokeOn(ctx, c.Scope, c.Old)
	}
	var had []string
	if !c.Created {
		had = c.Old.AssetIDs
	}
	return keepReferences(ctx, c.Scope, c.New.Path, had, c.New.AssetIDs)
}

// keepReferences brings the table of references in line with what a collection shows.
func keepReferences(ctx context.Context, s *object.Scope, collection string, had, has []string) error {
	for _, path := range without(had, has) {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM collection_asset WHERE workspace_id = $1 AND collection_path = $2 AND asset_path = $3`, s.WorkspaceID, collection, path); err != nil {
			return fmt.Errorf("taking %s out of %s: %w", path, collection, err)
		}
	}
	for _, path := range without(has, had) {
		if _, err := s.Tx.ExecContext(ctx, `INSERT INTO collection_asset (workspace_id, collection_path, asset_path) VALUES ($1, $2, $3)`, s.WorkspaceID, collection, path); err != nil {
			return fmt.Errorf("putting %s into %s: %w", path, collection, err)
		}
	}
	return nil
}

// without lists what is in a and not in b.
func without(a, b []string) []string {
	in := make(map[string]bool, len(b))
	for _, x := range b {
		in[x] = true
	}
	var out []string
	for _, x := range a {
		if !in[x] {
			out = append(out, x)
		}
	}
	return out
}

// leaveCollections takes an asset that goes out of every collection: access through
// them must not come back with the next asset of the same path.
func leaveCollections(ctx context.Context, s *object.Scope, asset string) error {
	in, err := s.CollectionsOf(ctx, asset)
	if err != nil {
		return err
	}
	var changed []api.Object
	for _, path := range in {
		c, err := object.Find[*api.Collection](ctx, s, api.CollectionKind, path)
		if err != nil {
			return err
		}
		if c == nil {
			continue
		}
		c.AssetIDs = slices.DeleteFunc(c.AssetIDs, func(p string) bool { return p == asset })
		changed = append(changed, c)
	}
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM collection_asset WHERE workspace_id = $1 AND asset_path = $2`, s.WorkspaceID, asset); err != nil {
		return fmt.Errorf("taking %s out of its collections: %w", asset, err)
	}
	return s.SaveDerived(ctx, api.CollectionKind, object.How{Keep: true, Reasons: []string{"the asset " + asset + " was unregistered"}}, changed...)
}

func collectionEffect(was, is *api.Collection) audit.Effect {
	switch {
	case is == nil:
		return audit.EffectNarrowed
	case was == nil:
		// What is new was given to nobody, but who has access above has it here, and
		// so to the assets.
		if len(is.AssetIDs) > 0 {
			return audit.EffectWidened
		}
		return audit.EffectNeutral
	}
	var t object.Tally
	t.Closes(was.Inheritance == "restricted", is.Inheritance == "restricted")
	t.Names(was.AssetIDs, is.AssetIDs)
	t.Unclear(was.Owner != is.Owner)
	return t.Effect()
}
