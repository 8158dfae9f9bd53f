package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Workspaces lists the ids of all workspaces, for jobs that visit each.
func (s *Service) Workspaces(ctx context.Context) ([]string, error) {
	var out []string
	err := s.DB.Read(ctx, func(tx *store.Tx) (err error) {
		out, err = workspaces(ctx, tx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("listing workspaces: %w", err)
	}
	return out, nil
}

func workspaces(ctx context.Context, tx *store.Tx) ([]string, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id FROM workspace ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, err
		}
		out = append(out, id)
	}
	return out, rows.Err()
}

// Cutoffs answers, by workspace, before when something need not be kept: as many days
// ago as the workspace's policy says, or as by default where nobody declared one.
func Cutoffs[T any, P interface {
	*T
	api.Object
}](ctx context.Context, s *Service, policy *api.Kind, byDefault int, days func(P) int64) (map[string]time.Time, error) {
	now := s.Clock().UTC()
	out := map[string]time.Time{}
	err := s.DB.Read(ctx, func(tx *store.Tx) error {
		ids, err := workspaces(ctx, tx)
		if err != nil {
			return err
		}
		for _, id := range ids {
			out[id] = now.AddDate(0, 0, -byDefault)
			row, err := store.Objects.ByKey(ctx, tx, id, policy.Name, policy.Name)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			p := P(new(T))
			if err := json.Unmarshal([]byte(row.Doc), p); err != nil {
				return err
			}
			if n := days(p); n > 0 {
				out[id] = now.AddDate(0, 0, -int(n))
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading every %s: %w", policy.Name, err)
	}
	return out, nil
}
