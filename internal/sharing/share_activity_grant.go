package sharing

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var _ = object.Impersonal("grant_use", map[string]string{"*": "times by opaque ids"})

// grantUsesOf reads when grants were used last, to the hour; object.Scope.Decided notes it.
func grantUsesOf(ctx context.Context, s *object.Scope, ids []string) (map[string]int64, error) {
	args := []any{s.WorkspaceID}
	for _, id := range ids {
		args = append(args, id)
	}
	rows, err := s.Tx.QueryContext(ctx, `SELECT grant_id, last_at FROM grant_use WHERE workspace_id = $1 AND grant_id IN (`+store.Params(2, len(ids))+`)`, args...)
	if err != nil {
		return nil, fmt.Errorf("reading the uses of grants: %w", err)
	}
	defer func() { _ = rows.Close() }()
	out := make(map[string]int64, len(ids))
	for rows.Next() {
		var id string
		var at int64
		if err := rows.Scan(&id, &at); err != nil {
			return nil, fmt.Errorf("reading the uses of grants: %w", err)
		}
		out[id] = at
	}
	return out, rows.Err()
}
