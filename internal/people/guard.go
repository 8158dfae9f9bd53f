package people

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// refuseProtected answers a lockout problem for people whose suspension could leave
// nobody to sign in or administer: the Owner, declared break-glass accounts and the
// last administrators (X02, X03). SCIM meets it like everybody else.
func refuseProtected(ctx context.Context, s *object.Scope, m *api.Member) error {
	if err := refuseNamed(ctx, s, m); err != nil || !governs(m) {
		return err
	}
	count, floor, err := administrators(ctx, s)
	if err != nil {
		return err
	}
	if count-1 < floor {
		return tooFew(m.Email, floor)
	}
	return nil
}

// refuseNamed answers it for the Owner and declared break-glass accounts alone: where
// the member is saved already, requireAdministrators counts who is left.
func refuseNamed(ctx context.Context, s *object.Scope, m *api.Member) error {
	if m.WorkspaceRole == roleOwner {
		return api.NewProblem(api.CodeLockout, "%s is the workspace Owner and cannot be suspended. Hand the ownership over first (gatehouse_workspace_owner).", m.Email)
	}
	exempt, err := exemptPrincipals(ctx, s)
	if err != nil {
		return err
	}
	if exempt[api.MemberKind.KeyOf(m)] {
		return api.NewProblem(api.CodeLockout, "%s is a declared break-glass account (login_policy.exempt_principals) and cannot be suspended. Take the account out of the login policy first.", m.Email)
	}
	return nil
}

// requireAdministrators refuses a change after which fewer people than
// workspace.min_admins could administer. The workspace row is locked by then.
func requireAdministrators(ctx context.Context, s *object.Scope, email string) error {
	count, floor, err := administrators(ctx, s)
	if err != nil {
		return err
	}
	if count < floor {
		return tooFew(email, floor)
	}
	return nil
}

func tooFew(email string, floor int64) error {
	return api.NewProblem(api.CodeLockout, "Without %s fewer than %d people could administer the workspace (workspace.min_admins). Make somebody else an admin first, or let the Owner lower min_admins.", email, floor)
}

// administrators counts the active Owner and admins, and reads the floor.
func administrators(ctx context.Context, s *object.Scope) (count, floor int64, err error) {
	count, err = CountAdministrators(ctx, s)
	if err != nil {
		return 0, 0, err
	}
	var w api.Workspace
	if err := readDoc(ctx, s, api.WorkspaceKind, &w); err != nil {
		return 0, 0, err
	}
	return count, max(w.MinAdmins, 1), nil
}

// CountAdministrators counts the people who can administer the workspace: the Owner
// and the admins who are active.
func CountAdministrators(ctx context.Context, s *object.Scope) (int64, error) {
	var n int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM member WHERE workspace_id = $1 AND role IN ('owner', 'admin') AND active = 1`, s.WorkspaceID).Scan(&n); err != nil {
		return 0, fmt.Errorf("counting administrators: %w", err)
	}
	return n, nil
}

// exemptPrincipals are the declared break-glass members, by e-mail.
func exemptPrincipals(ctx context.Context, s *object.Scope) (map[string]bool, error) {
	var p api.LoginPolicy
	if err := readDoc(ctx, s, api.LoginPolicyKind, &p); err != nil {
		return nil, err
	}
	out := make(map[string]bool, len(p.ExemptPrincipals))
	for _, email := range p.ExemptPrincipals {
		out[email] = true
	}
	return out, nil
}

// readDoc reads a singleton of another capability as it was declared; it leaves v
// alone when it never was.
func readDoc(ctx context.Context, s *object.Scope, kind *api.Kind, v any) error {
	row, err := store.Objects.ByKey(ctx, s.Tx, s.WorkspaceID, kind.Name, kind.Name)
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal([]byte(row.Doc), v); err != nil {
		return fmt.Errorf("reading the %s: %w", kind.Name, err)
	}
	return nil
}
