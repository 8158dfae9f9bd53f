package object

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// loadTeamLevels fills in what the owning teams give their members at least
// (team.default_level). A change of a team makes decisions stale, so nodes may be
// remembered with it.
func loadTeamLevels(ctx context.Context, s *Scope, nodes map[string]*access.Node) error {
	levels := map[string]vocabulary.Level{}
	for _, n := range nodes {
		if n == nil || n.Team == "" {
			continue
		}
		level, known := levels[n.Team]
		if !known {
			var err error
			if level, err = teamLevel(ctx, s, n.Team); err != nil {
				return err
			}
			levels[n.Team] = level
		}
		if n.TeamLevel != level {
			// Nodes of the snapshot are shared: change a copy.
			own := *n
			own.TeamLevel = level
			nodes[n.Path] = &own
		}
	}
	return nil
}

func teamLevel(ctx context.Context, s *Scope, slug string) (vocabulary.Level, error) {
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.TeamKind.Name, slug)
	if errors.Is(err, store.ErrNotFound) {
		return vocabulary.LevelNone, nil
	}
	if err != nil {
		return vocabulary.LevelNone, err
	}
	var t api.Team
	if err := json.Unmarshal([]byte(row.Doc), &t); err != nil {
		return vocabulary.LevelNone, fmt.Errorf("reading team %q: %w", slug, err)
	}
	if t.DefaultLevel == "" {
		return vocabulary.LevelNone, nil
	}
	return vocabulary.ParseLevel(t.DefaultLevel)
}
