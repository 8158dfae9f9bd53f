package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/review"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Rename gives a member another e-mail address, as part of the change under way.
// The identity stays: everything that names the member follows in this transaction and
// keeps its owner, and sessions and tokens stay valid. A taken address answers a
// conflict.
func Rename(ctx context.Context, s *object.Scope, oldEmail, newEmail string) error {
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	m, err := memberOf(ctx, s, oldEmail)
	if err != nil {
		return err
	}
	to, err := api.NormaliseEmail(newEmail)
	if err != nil {
		return api.NewProblem(api.CodeMalformed, "%v.", err)
	}
	from := m.Key
	if from == to {
		return nil
	}
	taken, err := s.Exists(ctx, api.MemberKind, to)
	if err != nil {
		return err
	}
	if taken {
		return api.NewProblem(api.CodeConflict, "%s is the address of another member. Two people cannot share one.", to)
	}
	how := object.How{Keep: true, Effect: audit.EffectNeutral, Reasons: []string{fmt.Sprintf("%s is now %s", from, to)}}
	m.Email = to
	renamed := how
	renamed.Verb = "renamed"
	if err := s.SaveDerived(ctx, api.MemberKind, renamed, m); err != nil {
		return err
	}
	if err := renameHoldings(ctx, s, from, to, how); err != nil {
		return err
	}
	if err := renameMentions(ctx, s, from, to, how); err != nil {
		return err
	}
	if err := review.Rename(ctx, s, from, to); err != nil {
		return err
	}
	if err := sharing.RenameInLinks(ctx, s, from, to, how); err != nil {
		return err
	}
	if err := sharing.RenameInApprovals(ctx, s, from, to, how); err != nil {
		return err
	}
	if err := renameInvitations(ctx, s, from, to, how); err != nil {
		return err
	}
	for _, table := range []string{"session", "token_secret"} {
		if _, err := s.Tx.ExecContext(ctx, `UPDATE `+table+` SET principal = $1 WHERE workspace_id = $2 AND principal = $3`, "member:"+to, s.WorkspaceID, "member:"+from); err != nil {
			return fmt.Errorf("renaming the holder of credentials: %w", err)
		}
	}
	return nil
}

// renameHoldings moves what the member holds: memberships, grants, assignments.
func renameHoldings(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	if err := rewrite(ctx, s, api.TeamMembershipKind, "principal", from, how, func(m *api.TeamMembership) { m.Principal = to }); err != nil {
		return err
	}
	was, is := "member:"+from, "member:"+to
	if err := rewrite(ctx, s, api.AccessGrantKind, "principal", was, how, func(g *api.AccessGrant) { g.Principal = is }); err != nil {
		return err
	}
	return rewrite(ctx, s, api.RoleAssignmentKind, "principal", was, how, func(a *api.RoleAssignment) { a.Principal = is })
}

// renameMentions moves what names the member: machines and projects they answer for,
// the break-glass list, an offer of ownership.
func renameMentions(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	var accounts []api.Object
	err := object.Each(ctx, s, api.ServiceAccountKind, func(a *api.ServiceAccount) error {
		a.Owner = to
		accounts = append(accounts, a)
		return nil
	}, store.Condition{Field: "owner", Value: from})
	if err != nil {
		return err
	}
	if err := s.SaveDerived(ctx, api.ServiceAccountKind, how, accounts...); err != nil {
		return err
	}
	if err := renameGuests(ctx, s, from, to, how); err != nil {
		return err
	}
	if err := renameOwner(ctx, s, api.ProjectKind, from, how, func(p *api.Project) { p.Owner = to }); err != nil {
		return err
	}
	if err := renameOwner(ctx, s, api.CollectionKind, from, how, func(c *api.Collection) { c.Owner = to }); err != nil {
		return err
	}
	if err := renameOwner(ctx, s, api.AssetKind, from, how, func(a *api.Asset) { a.Owner = to }); err != nil {
		return err
	}
	err = rewriteSingleton(ctx, s, api.LoginPolicyKind, how, func(p *api.LoginPolicy) bool {
		i := slices.Index(p.ExemptPrincipals, from)
		if i >= 0 {
			p.ExemptPrincipals[i] = to
			slices.Sort(p.ExemptPrincipals)
		}
		return i >= 0
	})
	if err != nil {
		return err
	}
	return rewriteSingleton(ctx, s, api.WorkspaceOwnerKind, how, func(o *api.WorkspaceOwner) bool {
		if o.PendingPrincipal != from {
			return false
		}
		o.PendingPrincipal = to
		return true
	})
}

// renameOwner moves the items of a kind that the member owns.
func renameOwner[P api.Object](ctx context.Context, s *object.Scope, kind *api.Kind, from string, how object.How, change func(P)) error {
	if !object.Registered(kind) {
		return nil
	}
	return rewrite(ctx, s, kind, "owner", from, how, change)
}

// renameGuests moves what is kept of guests: their own address and their sponsor's.
// Stored documents are rewritten as they are; the grants were moved before.
func renameGuests(ctx context.Context, s *object.Scope, from, to string, how object.How) error {
	var guests []api.Object
	collect := func(g *api.Guest) error {
		if g.Sponsor == from {
			g.Sponsor = to
		}
		if g.Email == from {
			g.Email = to
		}
		guests = append(guests, g)
		return nil
	}
	for _, field := range []string{"sponsor", "email"} {
		if err := object.Each(ctx, s, api.GuestKind, collect, store.Condition{Field: field, Value: from}); err != nil {
			return err
		}
	}
	return s.SaveDerived(ctx, api.GuestKind, how, guests...)
}

// rewrite changes every object of a kind whose column has a value.
func rewrite[P api.Object](ctx context.Context, s *object.Scope, kind *api.Kind, column, value string, how object.How, change func(P)) error {
	objs, err := rowsWhere[P](ctx, s, kind, column, value)
	if err != nil {
		return err
	}
	for _, o := range objs {
		change(o)
	}
	return s.SaveDerived(ctx, kind, how, erase(objs)...)
}

// rewriteSingleton changes a singleton that was declared, when change says so.
func rewriteSingleton[T any, P interface {
	*T
	api.Object
}](ctx context.Context, s *object.Scope, kind *api.Kind, how object.How, change func(P) bool) error {
	if !object.Registered(kind) {
		return nil
	}
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, kind.Name, kind.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v := P(new(T))
	if err := json.Unmarshal([]byte(row.Doc), v); err != nil {
		return fmt.Errorf("reading the %s: %w", kind.Name, err)
	}
	v.GetMeta().ID = row.ID
	if !change(v) {
		return nil
	}
	return s.SaveDerived(ctx, kind, how, v)
}
