package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// measureInvitations measures the invitations of guests that are open: accepted, they
// would make somebody a guest whom the policy does not allow.
func measureInvitations(ctx context.Context, s *object.Scope, m *Measure, after string, limit int) ([]*share, string, error) {
	rows, err := placesOf(ctx, s, `SELECT id, '', key FROM object WHERE workspace_id = $1 AND kind = 'invitation' AND key > $2 ORDER BY key LIMIT `+fmt.Sprint(limit), after)
	if err != nil {
		return nil, "", err
	}
	invitations, err := object.Many[*api.Invitation](ctx, s, api.InvitationKind, rowIDs(rows))
	if err != nil {
		return nil, "", err
	}
	var out []*share
	next := ""
	for n, row := range rows {
		if n == limit-1 {
			next = row.key
		}
		i := invitations[row.id]
		if i == nil || i.WorkspaceRole != "guest" || i.State != api.InvitationPending && i.State != api.StatePendingApproval || !slices.ContainsFunc(i.Projects, m.within) {
			continue
		}
		sh := &share{obj: i, name: "to " + i.Email + " for " + strings.Join(firstFew(i.Projects), ", "), resource: i.Projects[0], recipient: "email:" + i.Email, at: row.key}
		for _, path := range i.Projects {
			if gaps := asGaps(m.Sharing.At(path).RefusesAddress(i.Email), api.RemedyRevoke); len(gaps) > 0 && m.within(path) {
				sh.resource, sh.gaps = path, gaps
				break
			}
		}
		out = append(out, sh)
	}
	return out, next, nil
}

// mendInvitations revokes invitations; what was mailed opens nothing any more.
func mendInvitations(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error {
	for _, sh := range shares {
		if err := s.EndDerived(ctx, api.InvitationKind, sh.obj.GetMeta().Key, reason+": "+sh.gaps[0].Text); err != nil {
			return err
		}
		out.Revoked++
	}
	return nil
}
