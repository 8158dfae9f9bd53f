package provisioning

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// withhold leaves out derived rows that would give somebody both duties of a rule that
// blocks (GH-AZ-04), or a guest what has to be approved (C055). The identity provider is
// not refused: its groups are as it says, and what they would have given is recorded as
// withheld.
func withhold(ctx context.Context, s *object.Scope, rows []api.Object) ([]api.Object, error) {
	gains := make([]sharing.Gain, len(rows))
	for i, o := range rows {
		switch o := o.(type) {
		case *api.TeamMembership:
			gains[i] = sharing.Gain{Principal: object.PrincipalMember + ":" + o.Principal, Team: o.Team, TeamRole: o.Role}
		case *api.RoleAssignment:
			gains[i] = sharing.Gain{Principal: o.Principal, Role: o.Role, Scope: o.Scope}
		}
	}
	withheld, err := sharing.Withhold(ctx, s, gains)
	if err != nil {
		return nil, err
	}
	out := make([]api.Object, 0, len(rows))
	for i, o := range rows {
		if !withheld[i] {
			out = append(out, o)
		}
	}
	return out, nil
}

// withheldRole reports whether a workspace role would break such a rule.
func withheldRole(ctx context.Context, s *object.Scope, email, role string) (bool, error) {
	withheld, err := sharing.Withhold(ctx, s, []sharing.Gain{{Principal: object.PrincipalMember + ":" + email, WorkspaceRole: role}})
	return err == nil && withheld[0], err
}

// part is one person in one pushed group that holds something by its name.
type part struct {
	group, name   string
	member, email string
	withheld      string
}

// whichParts says which parts of people's groups are weighed again.
type whichParts string

const (
	// heldBack are those from which something is withheld.
	heldBack whichParts = `gm.withheld <> ''`
	// newIn are those of one group as well: people have just come in, or it has another name.
	newIn whichParts = `(gm.withheld <> '' OR gm.group_id = $3)`
	// ofReturners are all: what somebody had before they left was theirs then.
	ofReturners whichParts = `1 = 1`
)

// weighNames withholds from people what their groups hold by name (grants and roles of
// group:Name), where a rule of GH-AZ-04 or a missing approval (C055) forbids it, and gives
// back what nothing forbids any more. Others in the group keep what it gives.
func weighNames(ctx context.Context, s *object.Scope, which whichParts, group string, ids []string) error {
	for chunk := range slices.Chunk(ids, batch) {
		parts, err := partsOf(ctx, s, which, group, chunk)
		if err != nil {
			return err
		}
		if err := weighParts(ctx, s, parts); err != nil {
			return err
		}
	}
	return nil
}

// partsStatement starts at the people, however large their groups are.
func partsStatement(people string, which whichParts) string {
	return `SELECT gm.group_id, g.display_name, gm.member_id, m.key, gm.withheld FROM scim_group_member gm CROSS JOIN scim_group g CROSS JOIN member m
		WHERE gm.workspace_id = $1 AND gm.member_id IN ` + people + ` AND ` + string(which) + ` AND g.workspace_id = gm.workspace_id AND g.id = gm.group_id
		AND m.workspace_id = gm.workspace_id AND m.id = gm.member_id AND m.active = 1 AND (gm.withheld <> ''
			OR EXISTS (SELECT 1 FROM access_grant a WHERE a.workspace_id = $1 AND a.principal = 'group:' || g.display_name)
			OR EXISTS (SELECT 1 FROM role_assignment r WHERE r.workspace_id = $1 AND r.principal = 'group:' || g.display_name))
		ORDER BY gm.member_id, gm.withheld, gm.added_at, gm.group_id`
}

// partsOf reads the parts of active people that hold something, or from which something
// is withheld.
func partsOf(ctx context.Context, s *object.Scope, which whichParts, group string, ids []string) ([]part, error) {
	args := []any{s.WorkspaceID, EncodeIDs(ids)}
	if which == newIn {
		args = append(args, group)
	}
	rows, err := s.Tx.QueryContext(ctx, partsStatement(IDSet(s, 2), which), args...)
	if err != nil {
		return nil, fmt.Errorf("reading what groups hold: %w", err)
	}
	defer func() { _ = rows.Close() }()
	var out []part
	for rows.Next() {
		var p part
		if err := rows.Scan(&p.group, &p.name, &p.member, &p.email, &p.withheld); err != nil {
			return nil, fmt.Errorf("reading what groups hold: %w", err)
		}
		out = append(out, p)
	}
	return out, rows.Err()
}

// weighChange is weighNames for a group that was changed.
func weighChange(ctx context.Context, s *object.Scope, was, is *Group, added, removed []string) error {
	if was.DisplayName != is.DisplayName {
		all, err := memberIDs(ctx, s, is.ID)
		if err != nil {
			return err
		}
		added = all
	}
	if err := weighNames(ctx, s, newIn, is.ID, added); err != nil {
		return err
	}
	return weighNames(ctx, s, heldBack, "", removed)
}

// weighParts weighs the parts that are new at once, as far as they are of different
// people, and then the others one after the other: what is withheld counts for the next.
func weighParts(ctx context.Context, s *object.Scope, parts []part) error {
	for len(parts) > 0 {
		n := 1
		for parts[0].withheld == "" && n < len(parts) && parts[n].withheld == "" && parts[n].member != parts[n-1].member {
			n++
		}
		gains := make([]sharing.Gain, n)
		for i, p := range parts[:n] {
			gains[i] = sharing.Gain{Principal: object.PrincipalMember + ":" + p.email, Group: p.name}
		}
		weighed, err := sharing.Weigh(ctx, s, gains)
		if err != nil {
			return err
		}
		for i, w := range weighed {
			if err := parts[i].settle(ctx, s, w); err != nil {
				return err
			}
		}
		parts = parts[n:]
	}
	return nil
}

// settle writes down what was found of a part, where it is another than before.
func (p part) settle(ctx context.Context, s *object.Scope, w *sharing.Weighed) error {
	if p.withheld == "" {
		if err := w.Record(); err != nil {
			return err
		}
	}
	if w.Withheld == p.withheld {
		return nil
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE scim_group_member SET withheld = $4 WHERE workspace_id = $1 AND group_id = $2 AND member_id = $3`, s.WorkspaceID, p.group, p.member, w.Withheld); err != nil {
		return fmt.Errorf("withholding what a group holds: %w", err)
	}
	if w.Withheld != "" {
		return nil
	}
	return s.Record(p.withheld+".released", audit.Target{Kind: api.MemberKind.Name, ID: p.member, Key: p.email}, audit.EffectWidened, nil,
		map[string]string{"principal": object.PrincipalMember + ":" + p.email, "through": "group:" + p.name}, "nothing forbids any more what the group "+p.name+" gives")
}

// ReleaseWithheld gives back, in every workspace, what was withheld from people in groups
// and is not forbidden any more: somebody gave up the other duty, became a member, or the
// sharing policy asks for no approval. The next change of their groups would do so too.
// It answers how many parts it released.
func ReleaseWithheld(ctx context.Context, svc *object.Service) (int, error) {
	released := 0
	workspaces, failed := svc.Workspaces(ctx)
	for _, id := range workspaces {
		for after := ""; ; {
			var ids []string
			err := svc.View(ctx, object.System(id), func(s *object.Scope) (err error) {
				ids, err = queryIDs(ctx, s, `SELECT DISTINCT member_id FROM scim_group_member WHERE workspace_id = $1 AND withheld <> '' AND member_id > $2 ORDER BY member_id LIMIT $3`, s.WorkspaceID, after, batch)
				return err
			})
			if err != nil || len(ids) == 0 {
				failed = errors.Join(failed, err)
				break
			}
			after = ids[len(ids)-1]
			n, err := releaseFrom(ctx, svc, id, ids)
			released += n
			failed = errors.Join(failed, err)
		}
		if ctx.Err() != nil {
			return released, errors.Join(failed, ctx.Err())
		}
	}
	return released, failed
}

// releaseFrom looks before it takes the lock of the workspace: mostly nothing changes.
func releaseFrom(ctx context.Context, svc *object.Service, workspace string, ids []string) (int, error) {
	var parts []part
	err := svc.View(ctx, object.System(workspace), func(s *object.Scope) error {
		all, err := partsOf(ctx, s, heldBack, "", ids)
		if err != nil {
			return err
		}
		for _, p := range all {
			weighed, err := sharing.Weigh(ctx, s, []sharing.Gain{{Principal: object.PrincipalMember + ":" + p.email, Group: p.name}})
			if err != nil {
				return err
			}
			if weighed[0].Withheld == "" {
				parts = append(parts, p)
			}
		}
		return nil
	})
	if err != nil || len(parts) == 0 {
		return 0, err
	}
	who := make([]string, len(parts))
	for i, p := range parts {
		who[i] = p.member
	}
	return len(parts), svc.Do(ctx, object.System(workspace), func(s *object.Scope) error {
		if err := s.BumpAuthz(ctx); err != nil {
			return err
		}
		return weighNames(ctx, s, heldBack, "", who)
	})
}
