package provisioning

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// checkGroupRemoval holds what would take what a group gives, by its mappings or by grants
// to its name, from more of its people than the ratio allows (X15): in one change, or in many within the window. One
// person never waits, and who left altogether is not counted twice. gone is by how many
// the group has shrunk in the change already.
func checkGroupRemoval(ctx context.Context, s *object.Scope, g *Group, operation string, gone int64, losers []string) error {
	if len(losers) == 0 {
		return nil
	}
	losers, err := queryIDs(ctx, s, `SELECT member_id FROM scim_user WHERE workspace_id = $1 AND member_id IN `+IDSet(s, 2)+` AND active = 1 ORDER BY member_id`, s.WorkspaceID, EncodeIDs(losers))
	if err != nil || len(losers) == 0 {
		return err
	}
	lost, err := g.lose(ctx, s, int64(len(losers)))
	if err != nil || lost < 2 {
		return err
	}
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil {
		return err
	}
	ratio := ratioOf(policy)
	gone += lost - int64(len(losers))
	population, err := memberCount(ctx, s, g.ID, enough(lost, gone, ratio))
	if population += gone; err != nil || !tripped(lost, population, ratio) {
		return err
	}
	left, err := unreleased(ctx, s, operation, g.ID, losers)
	if err != nil {
		return err
	}
	if passes := int64(len(losers) - len(left)); passes > 0 {
		if lost, err = g.lose(ctx, s, -passes); err != nil || len(left) == 0 || !tripped(lost, population, ratio) {
			return err
		}
	}
	return &Held{Operation: operation, Resource: ResourceGroup, Target: g.ID, Key: g.DisplayName, releasable: true, leavers: losers,
		Why: api.NewProblem(api.CodeForbidden, "%d of %d people would lose what the group %q gives within %s, more than %.0f%%; it is held for a human decision.", lost, population, clip(g.DisplayName, 100), hourLong, ratio*100)}
}

// enough is how many members have to be counted to know whether a loss trips: a change of
// one member does not count a hundred thousand.
func enough(lost, gone int64, ratio float64) int64 {
	n := int64(minPopulation+1) + max(0, -gone)
	if ratio > 0 {
		n += int64(float64(lost) / ratio)
	}
	return n
}

func memberCount(ctx context.Context, s *object.Scope, group string, atMost int64) (n int64, err error) {
	err = s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM scim_group_member WHERE workspace_id = $1 AND group_id = $2 LIMIT $3) m`, s.WorkspaceID, group, atMost).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("counting the members of a group: %w", err)
	}
	return n, nil
}

// lose counts people who lose what the group gives, and answers how many that are within
// the window; who comes back and goes again counts again. The window goes on as long as a held change of the group waits: otherwise
// what is sent again and again would pass bit by bit.
func (g *Group) lose(ctx context.Context, s *object.Scope, n int64) (lost int64, err error) {
	const goesOn = `lost_since > $4 OR lost > 0 AND EXISTS (SELECT 1 FROM provisioning_event e WHERE e.workspace_id = $1 AND e.target = $2
		AND e.occurred_at > $4 AND e.outcome = 'quarantined' AND e.released_at = 0 AND e.rejected_at = 0)`
	err = s.Tx.QueryRowContext(ctx, `UPDATE scim_group SET lost = CAST($3 AS BIGINT) + CASE WHEN `+goesOn+` THEN lost ELSE 0 END, lost_since = CASE WHEN lost_since > $4 THEN lost_since ELSE $5 END
		WHERE workspace_id = $1 AND id = $2 RETURNING lost`, s.WorkspaceID, g.ID, n, s.Now.Add(-removalWindow).UnixMicro(), s.Now.UnixMicro()).Scan(&lost)
	if err != nil {
		return 0, fmt.Errorf("counting who loses by a group: %w", err)
	}
	return lost, nil
}

// unreleased leaves out whom a human let go in a held change of the group. A change of
// more people than an event names was released whole.
func unreleased(ctx context.Context, s *object.Scope, operation, group string, losers []string) ([]string, error) {
	lists, err := queryIDs(ctx, s, `SELECT affected FROM provisioning_event WHERE workspace_id = $1 AND target = $2 AND operation = $3 AND outcome = 'quarantined' AND released_at > $4`,
		s.WorkspaceID, group, operation, s.Now.Add(-releaseLastsFor).UnixMicro())
	if err != nil {
		return nil, err
	}
	may := map[string]bool{}
	for _, list := range lists {
		var ids []string
		if list != "" {
			if err := json.Unmarshal([]byte(list), &ids); err != nil {
				return nil, fmt.Errorf("reading who was released: %w", err)
			}
		}
		if len(ids) >= maxListed {
			return nil, nil
		}
		for _, id := range ids {
			may[id] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(losers), func(id string) bool { return may[id] }), nil
}

// isGranted reports whether people of a group have something by its name, besides what
// mappings say.
func isGranted(ctx context.Context, s *object.Scope, name string) (bool, error) {
	principal := "group:" + name
	held, err := queryIDs(ctx, s, `SELECT id FROM (SELECT id FROM access_grant WHERE workspace_id = $1 AND principal = $2 LIMIT 1) g
		UNION ALL SELECT id FROM (SELECT id FROM role_assignment WHERE workspace_id = $1 AND principal = $2 LIMIT 1) a`, s.WorkspaceID, principal)
	return len(held) > 0, err
}

// takesAway reports whether a mapping that counted before gives something that none
// gives now.
func takesAway(before, now []*api.SCIMGroupMapping) bool {
	return slices.ContainsFunc(before, func(was *api.SCIMGroupMapping) bool {
		return !slices.ContainsFunc(now, func(is *api.SCIMGroupMapping) bool { return meaningOf(is) == meaningOf(was) })
	})
}
