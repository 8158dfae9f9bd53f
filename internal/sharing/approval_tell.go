package sharing

import (
	"context"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// maxApprovers bounds who is told of one request.
const maxApprovers = 200

// ApproversOf are the members whose word would count for a request now: those whom
// notifications tell of it.
func ApproversOf(ctx context.Context, s *object.Scope, id string) ([]string, error) {
	q, err := loadRequest(ctx, s, id)
	if err != nil {
		return nil, err
	}
	e, err := newEvaluation(ctx, s, q)
	if err != nil {
		return nil, err
	}
	asked := map[string]bool{}
	var out []string
	for _, r := range e.rules {
		for _, step := range r.steps {
			for _, approver := range step.Approvers {
				people, err := behind(ctx, s, approver)
				if err != nil {
					return nil, err
				}
				for _, person := range people {
					if asked[person] || len(out) == maxApprovers {
						continue
					}
					asked[person] = true
					may, err := e.mayDecide(ctx, s, person)
					if err != nil {
						return nil, err
					}
					if may {
						out = append(out, person)
					}
				}
			}
		}
	}
	slices.Sort(out)
	return out, nil
}

// behind are the principals that an approver of a policy can stand for.
func behind(ctx context.Context, s *object.Scope, approver string) ([]string, error) {
	kind, name, _ := api.SplitPrincipal(approver)
	if kind != "role" {
		return receivers(ctx, s, approver)
	}
	query, prefix := `SELECT principal FROM role_assignment WHERE workspace_id = $1 AND role = $2 ORDER BY principal`, ""
	if vocabulary.Role(name).Internal() {
		query, prefix = `SELECT key FROM member WHERE workspace_id = $1 AND role IN ('owner', $2) ORDER BY key`, "member:"
	}
	rows, err := s.Tx.QueryContext(ctx, query, s.WorkspaceID, name)
	if err != nil {
		return nil, fmt.Errorf("reading who is %s: %w", approver, err)
	}
	defer func() { _ = rows.Close() }()
	var holders []string
	for rows.Next() {
		var holder string
		if err := rows.Scan(&holder); err != nil {
			return nil, fmt.Errorf("reading who is %s: %w", approver, err)
		}
		holders = append(holders, prefix+holder)
	}
	if err := rows.Err(); err != nil || prefix != "" {
		return holders, err
	}
	var out []string
	for _, holder := range holders {
		people, err := receivers(ctx, s, holder)
		if err != nil {
			return nil, err
		}
		out = append(out, people...)
	}
	return out, nil
}
