package sharing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Bounds of one transaction of enforcement. A change of the policy enforces up to the
// first; what is left is shut out by the decision all the same, and its rows follow by
// EnforceDue.
const (
	maxEnforcedByChange = 10_000
	maxEnforcedAtOnce   = 1_000
	maxLookedByChange   = 200_000
)

// Enforce applies the policy in force to the shares that exist: what does not conform
// is revoked, suspended, shortened, or loses recipients, with an audit event each, in
// the transaction under way. With m.InForceOnly only where the policy says so itself;
// otherwise everywhere, because somebody asked (X07). It stops after most shares.
func Enforce(ctx context.Context, s *object.Scope, m Measure, most int, reason string) (*api.Enforcement, error) {
	// The lock first: what is read after it cannot be changed by others meanwhile.
	if err := s.BumpAuthz(ctx); err != nil {
		return nil, err
	}
	out := &api.Enforcement{Items: []api.NonconformingShare{}}
	todo := map[string][]*share{}
	n := 0
	next, looked, err := m.walk(ctx, s, "", "", maxLookedByChange, func(sh *share) bool {
		n++
		todo[sh.kind.Name] = append(todo[sh.kind.Name], sh)
		if len(out.Items) < api.DefaultPageSize {
			out.Items = append(out.Items, m.describe(s, sh))
		}
		return n < most
	})
	if err != nil {
		return nil, err
	}
	out.Looked, out.Complete = looked, next == ""
	for _, k := range measured() {
		shares, err := standing(ctx, s, k.kind, todo[k.kind.Name], out.Suspended > 0)
		if err != nil {
			return nil, err
		}
		if len(shares) > 0 {
			if err := k.mend(ctx, s, shares, reason, out); err != nil {
				return nil, fmt.Errorf("enforcing the sharing policy on %s: %w", k.kind.Plural, err)
			}
		}
	}
	return out, nil
}

// standing leaves out what went with a guest who was suspended just now.
func standing(ctx context.Context, s *object.Scope, kind *api.Kind, shares []*share, suspended bool) ([]*share, error) {
	if !suspended || kind == api.GuestKind {
		return shares, nil
	}
	var out []*share
	for _, sh := range shares {
		if principal, _, _ := api.SplitPrincipal(sh.recipient); principal == object.PrincipalMember {
			there, err := s.Exists(ctx, kind, sh.obj.GetMeta().Key)
			if err != nil {
				return nil, err
			}
			if !there {
				continue
			}
		}
		out = append(out, sh)
	}
	return out, nil
}

// EnforceNow is Enforce as somebody asks for it.
func EnforceNow(ctx context.Context, s *object.Scope, m Measure) (*api.Enforcement, error) {
	if err := s.Require(ctx, api.SharingPolicyKind.WritePermission()); err != nil {
		return nil, err
	}
	if err := m.authorise(ctx, s); err != nil {
		return nil, err
	}
	out, err := Enforce(ctx, s, m, maxEnforcedByChange, "the sharing policy was enforced on existing shares by "+s.Caller.Principal())
	if err != nil {
		return nil, err
	}
	return out, recordEnforcement(s, m, out)
}

// enforceAfterChange is what a change of the policy, or of an override, does to shares
// that exist where it says enforce.
func enforceAfterChange(ctx context.Context, s *object.Scope, resource, what string) error {
	sharing, err := s.Sharing(ctx)
	if err != nil || !sharing.Enforces(s.Now) {
		return err
	}
	m := Measure{Resource: resource, InForceOnly: true}
	out, err := Enforce(ctx, s, m, maxEnforcedByChange, what+" enforces itself on existing shares")
	if err != nil || len(out.Items) == 0 {
		return err
	}
	return recordEnforcement(s, m, out)
}

// recordEnforcement puts what was done as a whole into the log, beside the event of
// each share.
func recordEnforcement(s *object.Scope, m Measure, out *api.Enforcement) error {
	on := m.Resource
	if on == "" {
		on = vocabulary.RootPath
	}
	effect := audit.EffectNarrowed
	if out.Revoked+out.Suspended+out.Shortened+out.Trimmed == 0 {
		effect = audit.EffectNeutral
	}
	return s.Record("sharing.enforced", audit.Target{Kind: "sharing", ID: s.WorkspaceID, Key: on}, effect, nil, map[string]any{
		"looked_at": out.Looked, "revoked": out.Revoked, "suspended": out.Suspended, "shortened": out.Shortened, "recipients_removed": out.Trimmed, "complete": out.Complete,
	})
}

// remove ends shares for good.
func remove(ctx context.Context, s *object.Scope, kind *api.Kind, shares []*share, reason string, out *api.Enforcement) error {
	objs := make([]api.Object, len(shares))
	for i, sh := range shares {
		objs[i] = sh.obj
	}
	out.Revoked += len(objs)
	return s.RemoveDerived(ctx, kind, object.How{Reasons: []string{reason}}, objs...)
}

func mendAssignments(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error {
	return remove(ctx, s, api.RoleAssignmentKind, shares, reason, out)
}

// mendGrants revokes grants; those of guests who may stay a while end earlier.
func mendGrants(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error {
	var revoke []*share
	var shorten []api.Object
	for _, sh := range shares {
		if remedyOf(sh.gaps) != api.RemedyShorten {
			revoke = append(revoke, sh)
			continue
		}
		g, end := sh.obj.(*api.AccessGrant), earliestEnd(sh.gaps)
		g.ExpiresAt = &end
		shorten = append(shorten, g)
	}
	out.Shortened += len(shorten)
	if err := s.SaveDerived(ctx, api.AccessGrantKind, object.How{Keep: true, Reasons: []string{reason}}, shorten...); err != nil {
		return err
	}
	return remove(ctx, s, api.AccessGrantKind, revoke, reason, out)
}

// mendGuests suspends guests, or lets them go earlier.
func mendGuests(ctx context.Context, s *object.Scope, shares []*share, reason string, out *api.Enforcement) error {
	for _, sh := range shares {
		g := sh.obj.(*api.Guest)
		if remedyOf(sh.gaps) == api.RemedySuspend {
			if err := s.EndDerived(ctx, api.GuestKind, g.Key, reason+": "+sh.gaps[0].Text); err != nil {
				return err
			}
			out.Suspended++
			continue
		}
		end := earliestEnd(sh.gaps)
		g.ExpiresAt = &end
		how := object.How{Keep: true, Reasons: []string{reason}}
		if err := s.SaveDerived(ctx, api.GuestKind, how, g); err != nil {
			return err
		}
		if err := shortenGrants(ctx, s, g, how); err != nil {
			return err
		}
		out.Shortened++
	}
	return nil
}

// shortenGrants keeps the grants that follow from being a guest in step.
func shortenGrants(ctx context.Context, s *object.Scope, g *api.Guest, how object.How) error {
	rows, err := placesOf(ctx, s, `SELECT id, principal, key FROM access_grant WHERE workspace_id = $1 AND principal = $2 AND source = $3 ORDER BY key LIMIT 1000`, "member:"+g.Email, SourceGuest)
	if err != nil {
		return err
	}
	var longer []api.Object
	for ids := range slices.Chunk(rowIDs(rows), api.MaxPageSize) {
		grants, err := object.Many[*api.AccessGrant](ctx, s, api.AccessGrantKind, ids)
		if err != nil {
			return err
		}
		for _, id := range ids {
			if grant := grants[id]; grant != nil && (grant.ExpiresAt == nil || grant.ExpiresAt.After(*g.ExpiresAt)) {
				grant.ExpiresAt = g.ExpiresAt
				longer = append(longer, grant)
			}
		}
	}
	return s.SaveDerived(ctx, api.AccessGrantKind, how, longer...)
}

// EnforceDue makes the rows follow where the policy is in force by itself: after the
// deadline of grandfather, and for what one change of the policy left. Decisions do not
// wait for it. It works through all workspaces, a bounded number of shares in each
// transaction, and answers how many shares it ended or changed. Replicas that do it at
// once take turns at the lock of the workspace.
func EnforceDue(ctx context.Context, svc *object.Service) (int, error) {
	total := 0
	ids, failed := svc.Workspaces(ctx)
	for _, id := range ids {
		for more := true; more; {
			done, err := enforceDue(ctx, svc, id)
			if err != nil {
				failed = errors.Join(failed, fmt.Errorf("enforcing the sharing policy in workspace %s: %w", id, err))
			}
			total += done
			more = done > 0 && err == nil
		}
		if ctx.Err() != nil {
			return total, errors.Join(failed, ctx.Err())
		}
	}
	return total, failed
}

// enforceDue ends or changes some shares of a workspace; 0 when nothing is left.
func enforceDue(ctx context.Context, svc *object.Service, id string) (done int, err error) {
	// Look before taking the lock: mostly there is nothing to do.
	due := false
	err = svc.View(ctx, object.System(id), func(s *object.Scope) error {
		due = false
		sharing, err := s.Sharing(ctx)
		if err != nil || !sharing.Enforces(s.Now) {
			return err
		}
		m := Measure{InForceOnly: true}
		_, _, err = m.walk(ctx, s, "", "", maxLookedByChange, func(*share) bool { due = true; return false })
		return err
	})
	if err != nil || !due {
		return 0, err
	}
	err = svc.Do(ctx, object.System(id), func(s *object.Scope) error {
		m := Measure{InForceOnly: true}
		out, err := Enforce(ctx, s, m, maxEnforcedAtOnce, "the sharing policy is in force for existing shares")
		if err != nil || len(out.Items) == 0 {
			done = 0
			return err
		}
		done = out.Revoked + out.Suspended + out.Shortened + out.Trimmed
		return recordEnforcement(s, m, out)
	})
	return done, err
}
