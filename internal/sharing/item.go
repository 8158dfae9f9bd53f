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

// revokeOn ends everything that was given on an item which is deleted, and puts it into
// the trash with the item: access must not come back with the next item of the same
// path.
func revokeOn(ctx context.Context, s *object.Scope, item api.Object) error {
	path := item.GetMeta().Key
	how := object.How{Reasons: []string{"the item " + path + " was deleted"}}
	for _, on := range givenKinds {
		var objs []api.Object
		if err := on.each(ctx, s, path, func(o api.Object) { objs = append(objs, o) }); err != nil {
			return err
		}
		if len(objs) == 0 {
			continue
		}
		if err := s.Shelve(ctx, on.kind, item.GetMeta().ID, objs...); err != nil {
			return err
		}
		if err := s.RemoveDerived(ctx, on.kind, how, objs...); err != nil {
			return err
		}
		if on.policy {
			if err := s.BumpPolicies(ctx); err != nil {
				return err
			}
		}
	}
	// Links do not wait in the trash: their URLs are with people outside.
	return removeLinksOn(ctx, s, path, how)
}
