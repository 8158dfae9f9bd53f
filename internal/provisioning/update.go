package provisioning

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/people"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Update changes a person: change sees what is stored and answers what shall be.
// Identity follows (rename, e-mail), and so does access when active changes.
func Update(ctx context.Context, s *object.Scope, id string, e *Event, change func(*Identity) (*Person, error)) (*Identity, error) {
	if err := requireConnection(ctx, s); err != nil {
		return nil, err
	}
	e.Operation, e.Resource, e.Target = OperationUpdate, ResourceUser, id
	i, err := live(ctx, s, id)
	if err != nil {
		return nil, err
	}
	p, err := change(i)
	if err != nil {
		return i, err
	}
	m, err := memberOf(ctx, s, id)
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("the member of provisioned person %s is missing", id)
	}
	leaves, returns := i.Active && !p.Active, !i.Active && p.Active
	if leaves {
		e.Operation = OperationLeave
		if err := end(ctx, s, i, m); err != nil {
			return nil, err
		}
		if m, err = memberOf(ctx, s, id); err != nil {
			return nil, err
		}
	}
	was, before := m.Key, i.Doc
	if m, err = follow(ctx, s, i, m, p); err != nil {
		return nil, err
	}
	if m.Key != was && !leaves {
		e.Operation = OperationRename
	}
	if err := i.save(ctx, s, p, false); err != nil {
		return nil, err
	}
	effect := audit.EffectNeutral
	switch {
	case returns:
		e.Operation, effect = OperationRejoin, audit.EffectWidened
		if err := comeBack(ctx, s, i, m.Email); err != nil {
			return nil, err
		}
	case leaves:
		effect = audit.EffectNarrowed
	}
	return i, recordUser(s, "updated", i, m.Key, effect, before)
}

// Leave ends a person whom the identity provider deleted. The identity stays, as a
// suspended member and a tombstone.
func Leave(ctx context.Context, s *object.Scope, id string, allow func(*Identity) error, e *Event) error {
	if err := requireConnection(ctx, s); err != nil {
		return err
	}
	// First: groups change with the person, and their changes take this lock first.
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	e.Operation, e.Resource, e.Target = OperationLeave, ResourceUser, id
	i, err := live(ctx, s, id)
	if err != nil {
		return err
	}
	if err := allow(i); err != nil {
		return err
	}
	m, err := memberOf(ctx, s, id)
	if err != nil {
		return err
	}
	if m == nil {
		return fmt.Errorf("the member of provisioned person %s is missing", id)
	}
	if m.Active {
		if err := end(ctx, s, i, m); err != nil {
			return err
		}
	}
	policy, err := policyOf(ctx, s, s.Caller.Key)
	if err != nil {
		return err
	}
	if policy.Deprovision == "delete" {
		// Who was suspended before may be protected since.
		if err := protect(ctx, s, s.Caller.Key, i.ID, m); err != nil {
			return err
		}
	}
	for _, statement := range []string{
		`UPDATE scim_group SET version = version + 1, updated_at = $3 WHERE workspace_id = $1 AND id IN (SELECT group_id FROM scim_group_member WHERE workspace_id = $1 AND member_id = $2)`,
		`UPDATE scim_user SET deleted_at = $3, updated_at = $3, active = 0, base_role = '' WHERE workspace_id = $1 AND member_id = $2`,
	} {
		if _, err := s.Tx.ExecContext(ctx, statement, s.WorkspaceID, id, s.Now.UnixMicro()); err != nil {
			return fmt.Errorf("ending a provisioned person: %w", err)
		}
	}
	for _, table := range []string{"scim_group_member", "scim_email"} {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, id); err != nil {
			return fmt.Errorf("ending a provisioned person: %w", err)
		}
	}
	if policy.Deprovision == "delete" {
		if err := forget(ctx, s, id); err != nil {
			return err
		}
	}
	return recordUser(s, "deleted", i, m.Key, audit.EffectNarrowed, "")
}

// end suspends a leaver (X15): sessions, tokens, memberships and grants end in this
// transaction. Protected people and bulk removals are held.
func end(ctx context.Context, s *object.Scope, i *Identity, m *api.Member) error {
	if err := s.BumpAuthz(ctx); err != nil {
		return err
	}
	if err := protect(ctx, s, s.Caller.Key, i.ID, m); err != nil {
		return err
	}
	if err := checkLeavers(ctx, s, i.ID, m.Email); err != nil {
		return err
	}
	if err := handLinksOver(ctx, s, i, m); err != nil {
		return err
	}
	if err := people.Suspend(ctx, s, m.Email, "the identity provider ended the account"); err != nil {
		return hold(err, OperationLeave, i.ID, m.Email)
	}
	if err := nameMachines(ctx, s, m); err != nil {
		return err
	}
	return restoreRole(ctx, s, i)
}

// restoreRole takes back a workspace role that a mapped group gave.
func restoreRole(ctx context.Context, s *object.Scope, i *Identity) error {
	if i.baseRole == "" {
		return nil
	}
	m, err := memberOf(ctx, s, i.ID)
	if err != nil {
		return err
	}
	m.WorkspaceRole, i.baseRole = i.baseRole, ""
	if _, err := s.Tx.ExecContext(ctx, `UPDATE scim_user SET base_role = '' WHERE workspace_id = $1 AND member_id = $2`, s.WorkspaceID, i.ID); err != nil {
		return fmt.Errorf("taking a derived role back: %w", err)
	}
	return s.SaveDerived(ctx, api.MemberKind, object.How{Reasons: []string{"the mapped group gives no role any more"}}, m)
}

// protect holds what would end or rename the Owner, a declared break-glass account, or
// whom the connection's policy protects: SCIM can never lock the last door (X02, X03).
func protect(ctx context.Context, s *object.Scope, connection, id string, m *api.Member) error {
	why, instead := "", ""
	if m.WorkspaceRole == string(vocabulary.RoleOwner) {
		why, instead = "is the workspace Owner", "hand the ownership over first (gatehouse_workspace_owner)"
	} else {
		exempt, err := breakGlass(ctx, s)
		if err != nil {
			return err
		}
		if slices.Contains(exempt, m.Key) {
			why, instead = "is a declared break-glass account", "take the account out of login_policy.exempt_principals first"
		}
	}
	if why == "" {
		policy, err := policyOf(ctx, s, connection)
		if err != nil {
			return err
		}
		if slices.Contains(policy.ProtectedPrincipals, m.Key) {
			why, instead = "is a protected principal", "take them out of protected_principals of the provisioning policy of "+connection+" first"
		}
	}
	if why == "" {
		return nil
	}
	return &Held{Operation: OperationLeave, Resource: ResourceUser, Target: id, Key: m.Email,
		Why: api.NewProblem(api.CodeLockout, "%s %s, whom an identity provider can neither end nor rename. "+uselessRelease+": %s.", m.Email, why, instead)}
}

func breakGlass(ctx context.Context, s *object.Scope) ([]string, error) {
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, api.LoginPolicyKind.Name, api.LoginPolicyKind.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var p api.LoginPolicy
	if err := json.Unmarshal([]byte(row.Doc), &p); err != nil {
		return nil, fmt.Errorf("reading the login policy: %w", err)
	}
	return p.ExemptPrincipals, nil
}

// unheld is the refusal of a hold alone, for changes that are no push.
func unheld(err error) error {
	var held *Held
	if errors.As(err, &held) {
		return held.Why
	}
	return err
}

// hold turns a lockout refusal of another capability into a held event.
func hold(err error, operation, id, email string) error {
	var p *api.Problem
	if !errors.As(err, &p) || p.Code() != api.CodeLockout {
		return err
	}
	p.Detail += " " + uselessRelease + "."
	return &Held{Operation: operation, Resource: ResourceUser, Target: id, Key: email, Why: p}
}

// follow makes the member's identity attributes be what the identity provider says,
// and answers the member as it is then. Names must be free; the identity stays the
// same whatever it is called.
func follow(ctx context.Context, s *object.Scope, i *Identity, m *api.Member, p *Person) (*api.Member, error) {
	if Fold(p.UserName) != Fold(i.UserName) || i.deleted {
		other, err := identity(ctx, s, "connection = $2 AND user_name_key = $3 AND deleted_at = 0 AND member_id <> $4", s.Caller.Key, Fold(p.UserName), i.ID)
		if err != nil {
			return nil, err
		}
		if other != nil {
			return nil, taken("userName", p.UserName)
		}
	}
	if p.ExternalID != "" && p.ExternalID != i.ExternalID {
		other, err := identity(ctx, s, "connection = $2 AND external_id = $3 AND deleted_at = 0 AND member_id <> $4 LIMIT 1", s.Caller.Key, p.ExternalID, i.ID)
		if err != nil {
			return nil, err
		}
		if other != nil {
			return nil, taken("externalId", p.ExternalID)
		}
	}
	renamed, err := rename(ctx, s, i, m, p)
	if err != nil {
		return nil, err
	}
	if renamed {
		if m, err = memberOf(ctx, s, i.ID); err != nil {
			return nil, err
		}
	}
	name, external := p.shownName(), clip(p.ExternalID, maxExternalID)
	if m.DisplayName == name && m.ExternalID == external && m.Connection == s.Caller.Key {
		return m, nil
	}
	m.DisplayName, m.ExternalID, m.Connection = name, external, s.Caller.Key
	return m, s.SaveDerived(ctx, api.MemberKind, object.How{Effect: audit.EffectNeutral}, m)
}

// rename gives the member the person's address. Everything that names the member by
// e-mail moves with it.
func rename(ctx context.Context, s *object.Scope, i *Identity, m *api.Member, p *Person) (bool, error) {
	email := p.address()
	if email == "" || email == m.Key {
		return false, nil
	}
	if err := protect(ctx, s, s.Caller.Key, i.ID, m); err != nil {
		var held *Held
		if errors.As(err, &held) {
			held.Operation = OperationRename
		}
		return false, err
	}
	other, err := memberOf(ctx, s, email)
	if err != nil {
		return false, err
	}
	// Nothing about a name delays a leaver. They keep the one they have, and the next push
	// about them asks again.
	leaves := i.Active && !p.Active
	if other != nil {
		if leaves {
			return false, nil
		}
		return false, taken("e-mail", email)
	}
	if err := checkRename(ctx, s, i, m, email); err != nil {
		var held *Held
		if leaves && errors.As(err, &held) {
			return false, nil
		}
		return false, err
	}
	return true, renameMember(ctx, s, m.Email, email)
}
