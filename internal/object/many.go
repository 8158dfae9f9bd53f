package object

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Many reads objects of a kind by their ids, as rules see them (hydrated); those that
// are not there are missing from the answer.
func Many[P api.Object](ctx context.Context, s *Scope, kind *api.Kind, ids []string) (map[string]P, error) {
	out := make(map[string]P, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	r, err := rulesOf(kind)
	if err != nil {
		return nil, err
	}
	rows, err := r.table.ByIDs(ctx, s.Tx, s.WorkspaceID, kind.Name, ids)
	if err != nil {
		return nil, err
	}
	objs := make([]api.Object, 0, len(rows))
	for _, id := range ids {
		row := rows[id]
		if row == nil {
			continue
		}
		obj, err := fromRow(kind, row)
		if err != nil {
			return nil, err
		}
		objs = append(objs, obj)
		out[id] = obj.(P)
	}
	if r.hydrate != nil && len(objs) > 0 {
		if err := r.hydrate(ctx, s, objs); err != nil {
			return nil, err
		}
	}
	return out, nil
}
