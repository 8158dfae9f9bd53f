package people

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Suspend takes everything from a member but the identity, as part of the change
// under way: sessions, tokens, team memberships, grants and role assignments end in
// this transaction (C039, X15). Protected people answer a lockout problem. A member
// who is suspended already stays so.
func Suspend(ctx context.Context, s *object.Scope, email, reason string) error {
	// First, because it takes the lock that counting administrators relies on.
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	m, err := memberOf(ctx, s, email)
	if err != nil {
		return err
	}
	if m.Active {
		if err := refuseProtected(ctx, s, m); err != nil {
			return err
		}
	}
	if err := endEverything(ctx, s, "member:"+m.Key, m.ID, reason); err != nil {
		return err
	}
	if !m.Active {
		return nil
	}
	now := s.Now
	m.Active, m.SuspendedAt = false, &now
	return s.SaveDerived(ctx, api.MemberKind, object.How{Verb: "suspended", Reasons: reasons(reason)}, m)
}

// Reactivate lets a suspended member in again: the same identity, without what the
// suspension took.
func Reactivate(ctx context.Context, s *object.Scope, email, reason string) error {
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	m, err := memberOf(ctx, s, email)
	if err != nil || m.Active {
		return err
	}
	m.Active, m.SuspendedAt = true, nil
	if err := s.SaveDerived(ctx, api.MemberKind, object.How{Verb: "reactivated", Reasons: reasons(reason)}, m); err != nil {
		return err
	}
	// Rules that were made meanwhile did not look at who was away.
	return sharing.Separate(ctx, s, api.MemberKind, m.Key, sharing.Gain{Principal: "member:" + m.Key, At: "/active"})
}

// memberOf reads a member by e-mail; a not_found problem when there is none.
func memberOf(ctx context.Context, s *object.Scope, email string) (*api.Member, error) {
	norm, err := api.NormaliseEmail(email)
	if err != nil {
		return nil, api.NewProblem(api.CodeMalformed, "%v.", err)
	}
	obj, err := s.Get(ctx, api.MemberKind, norm)
	if err != nil {
		return nil, err
	}
	return obj.(*api.Member), nil
}

func reasons(reason string) []string {
	if reason == "" {
		return nil
	}
	return []string{reason}
}

// endCredentials revokes sessions and tokens of a principal, by its name or its id.
func endCredentials(ctx context.Context, s *object.Scope, principal, id string) error {
	for _, table := range []string{"session", "token_secret"} {
		res, err := s.Tx.ExecContext(ctx, `UPDATE `+table+` SET revoked_at = $1 WHERE workspace_id = $2 AND principal IN ($3, $4) AND revoked_at = 0`,
			s.Now.UnixMicro(), s.WorkspaceID, principal, id)
		if err != nil {
			return fmt.Errorf("ending credentials of %s: %w", principal, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("ending credentials of %s: %w", principal, err)
		}
		if n == 0 {
			continue
		}
		action, kind := audit.ActionSessionRevoked, "session"
		if table == "token_secret" {
			action, kind = audit.ActionTokenRevoked, "token"
		}
		if err := s.Record(action, audit.Target{Kind: kind, Key: principal}, audit.EffectNarrowed, nil, nil, fmt.Sprintf("%d ended with their holder", n)); err != nil {
			return err
		}
	}
	return nil
}

// endEverything revokes what a principal holds (SUS).
func endEverything(ctx context.Context, s *object.Scope, principal, id, reason string) error {
	if err := endCredentials(ctx, s, principal, id); err != nil {
		return err
	}
	how := object.How{Effect: audit.EffectNarrowed, Reasons: reasons(reason)}
	if kind, email, _ := api.SplitPrincipal(principal); kind == object.PrincipalMember {
		if err := revokeRows[*api.TeamMembership](ctx, s, api.TeamMembershipKind, "principal", email, how); err != nil {
			return err
		}
	}
	if err := sharing.LeaveLinks(ctx, s, principal, reason); err != nil {
		return err
	}
	return endGrants(ctx, s, principal, how)
}

// endGrants revokes grants and role assignments that name a principal.
func endGrants(ctx context.Context, s *object.Scope, principal string, how object.How) error {
	if err := revokeRows[*api.AccessGrant](ctx, s, api.AccessGrantKind, "principal", principal, how); err != nil {
		return err
	}
	return revokeRows[*api.RoleAssignment](ctx, s, api.RoleAssignmentKind, "principal", principal, how)
}

// revokeRows removes every object of a kind whose column has a value. A kind without
// rules in this binary has no rows.
func revokeRows[P api.Object](ctx context.Context, s *object.Scope, kind *api.Kind, column, value string, how object.How) error {
	objs, err := rowsWhere[P](ctx, s, kind, column, value)
	if err != nil {
		return err
	}
	return s.RemoveDerived(ctx, kind, how, erase(objs)...)
}

func rowsWhere[P api.Object](ctx context.Context, s *object.Scope, kind *api.Kind, column, value string) ([]P, error) {
	if !object.Registered(kind) {
		return nil, nil
	}
	var objs []P
	err := object.Each(ctx, s, kind, func(o P) error {
		objs = append(objs, o)
		return nil
	}, store.Condition{Column: column, Value: value})
	return objs, err
}

func erase[P api.Object](objs []P) []api.Object {
	out := make([]api.Object, len(objs))
	for i, o := range objs {
		out[i] = o
	}
	return out
}
