package sharing

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// EndVisit ends a session at its visitor's word. One that is over already, or never
// was, is no error: leaving always works.
func EndVisit(ctx context.Context, svc *object.Service, session string, from Visitor) error {
	v, err := findVisit(ctx, svc, session)
	if isClosed(err) != nil {
		return nil
	}
	if err != nil {
		return err
	}
	return svc.Do(ctx, visitorCaller(v.workspace, v.at.Slug, v.viewer, from), func(s *object.Scope) error {
		res, err := s.Tx.ExecContext(ctx, `UPDATE link_session SET revoked_at = $3 WHERE hash = $1 AND workspace_id = $2 AND revoked_at = 0`, v.hash, s.WorkspaceID, s.Now.UnixMicro())
		if err != nil {
			return fmt.Errorf("ending a visit: %w", err)
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return s.Record("share_link.left", linkTarget(v.linkID, ""), audit.EffectNeutral, nil, map[string]any{"by": s.Caller.Principal()})
	})
}
