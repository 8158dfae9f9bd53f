package sharing

import (
	"context"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// actionApprovalWithheld is recorded where an identity provider would give a guest what
// has to be approved first.
const actionApprovalWithheld = "external_share.withheld"

// weighApproval finds the gains of guests for which sharing outside needs approval. An
// identity provider approves nothing, and nothing waits for it: an admin, or a grant of
// the guest's own, gives the same.
func weighApproval(ctx context.Context, s *object.Scope, gains []Gain, out []*Weighed) error {
	guests, err := guestsAmong(ctx, s, gains)
	if err != nil || len(guests) == 0 {
		return err
	}
	sharing, err := s.Sharing(ctx)
	if err != nil {
		return err
	}
	needs := map[string][]string{} // by what it comes through
	for i, g := range gains {
		id, guest := guests[g.Principal]
		if !guest {
			continue
		}
		through := g.through()
		places, known := needs[through]
		if !known {
			var held []string
			switch {
			case g.Scope != "":
				held = []string{g.Scope}
			case through != "":
				if held, err = heldThrough(ctx, s, through); err != nil {
					return err
				}
			}
			places = needing(sharing, held)
			if through != "" {
				needs[through] = places
			}
		}
		if len(places) == 0 {
			continue
		}
		email := strings.TrimPrefix(g.Principal, object.PrincipalMember+":")
		what := through
		if what == "" {
			what = "the role " + g.Role
		}
		out[i].Withheld = WithheldApproval
		out[i].notes = append(out[i].notes, func() error {
			return s.Record(actionApprovalWithheld, audit.Target{Kind: api.MemberKind.Name, ID: id, Key: email}, audit.EffectNeutral, nil,
				map[string]any{"principal": g.Principal, "through": what, "resources": firstFew(places)},
				fmt.Sprintf("%s is a guest, and sharing outside needs approval at %s; what %s gives was not given", email, strings.Join(firstFew(places), ", "), what))
		})
	}
	return nil
}

// through is the team or group that brings a gain, "" for a role of its own.
func (g Gain) through() string {
	switch {
	case g.Team != "":
		return principalTeam + ":" + g.Team
	case g.Group != "":
		return principalGroup + ":" + g.Group
	}
	return ""
}

// guestsAmong are the guests who would gain something, with the ids of their members.
func guestsAmong(ctx context.Context, s *object.Scope, gains []Gain) (map[string]string, error) {
	args, seen := []any{s.WorkspaceID}, map[string]bool{}
	for _, g := range gains {
		if email, ok := strings.CutPrefix(g.Principal, object.PrincipalMember+":"); ok && !seen[email] && g.WorkspaceRole == "" {
			seen[email] = true
			args = append(args, email)
		}
	}
	out := map[string]string{}
	for len(args) > 1 {
		part := args[:min(len(args), 400)]
		if err := func() error {
			rows, err := s.Tx.QueryContext(ctx, `SELECT key, id FROM member WHERE workspace_id = $1 AND role = 'guest' AND key IN (`+store.Params(2, len(part)-1)+`)`, part...)
			if err != nil {
				return fmt.Errorf("looking for guests: %w", err)
			}
			defer func() { _ = rows.Close() }()
			for rows.Next() {
				var email, id string
				if err := rows.Scan(&email, &id); err != nil {
					return fmt.Errorf("looking for guests: %w", err)
				}
				out[object.PrincipalMember+":"+email] = id
			}
			return rows.Err()
		}(); err != nil {
			return nil, err
		}
		rest := args[len(part):]
		args = append([]any{s.WorkspaceID}, rest...)
	}
	return out, nil
}
