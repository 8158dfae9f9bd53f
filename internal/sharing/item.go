package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// itemTable holds projects and folders: one tree per workspace (X22).
var itemTable = store.Table{Name: "item", Extra: []string{"parent", "team", "owner", "restricted"}}

func itemColumns(path, team, owner, inheritance string) []any {
	restricted := int64(0)
	if inheritance == "restricted" {
		restricted = 1
	}
	return []any{vocabulary.ParentPath(path), team, owner, restricted}
}

// refuseWhileFull refuses to delete an item with items in it.
func refuseWhileFull(ctx context.Context, s *object.Scope, kind, path string) error {
	rows, err := s.Tx.QueryContext(ctx, `SELECT kind, key FROM item WHERE workspace_id = $1 AND parent = $2 ORDER BY key LIMIT 7`, s.WorkspaceID, path)
	if err != nil {
		return fmt.Errorf("reading what is in %s: %w", path, err)
	}
	defer func() { _ = rows.Close() }()
	var in []string
	for rows.Next() {
		var k, key string
		if err := rows.Scan(&k, &key); err != nil {
			return fmt.Errorf("reading what is in %s: %w", path, err)
		}
		in = append(in, k+" "+key)
	}
	if err := rows.Err(); err != nil || len(in) == 0 {
		return err
	}
	return api.NewProblem(api.CodeReferenced, "The %s %s is not empty: it holds %s. Delete or move these first.", kind, path, strings.Join(firstFew(in), ", "))
}

// revokeOn ends everything that was given on an item which is deleted: access must
// not come back with the next item of the same path.
func revokeOn(ctx context.Context, s *object.Scope, path string) error {
	how := object.How{Reasons: []string{"the item " + path + " was deleted"}}
	var grants, assignments []api.Object
	if err := object.Each(ctx, s, api.AccessGrantKind, func(g *api.AccessGrant) error {
		grants = append(grants, g)
		return nil
	}, store.Condition{Column: "resource", Value: path}); err != nil {
		return err
	}
	if err := object.Each(ctx, s, api.RoleAssignmentKind, func(a *api.RoleAssignment) error {
		assignments = append(assignments, a)
		return nil
	}, store.Condition{Column: "scope", Value: path}); err != nil {
		return err
	}
	if err := s.RemoveDerived(ctx, api.AccessGrantKind, how, grants...); err != nil {
		return err
	}
	if err := s.RemoveDerived(ctx, api.RoleAssignmentKind, how, assignments...); err != nil {
		return err
	}
	if err := dropOverride(ctx, s, path, how); err != nil {
		return err
	}
	declared, err := s.Exists(ctx, api.AccessGrantsKind, path)
	if err != nil || !declared {
		return err
	}
	set, err := s.Get(ctx, api.AccessGrantsKind, path)
	if err != nil {
		return err
	}
	return s.RemoveDerived(ctx, api.AccessGrantsKind, how, set)
}
