package signin

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// It is marked as relevant for decisions because that takes the workspace's lock: the
// check that a connection is usable holds against its removal at the same moment.
var _ = object.Register(api.LoginPolicyKind, object.Rules[*api.LoginPolicy]{
	AuthzRelevant: true,
	Default: func(context.Context, *object.Scope, string) (*api.LoginPolicy, error) {
		return defaultOf[*api.LoginPolicy](api.LoginPolicyKind)
	},
	Validate: validateLogin,
	Effect:   loginEffect,
})

// defaultOf is the secure default of a singleton: its document with nothing said.
func defaultOf[P api.Object](kind *api.Kind) (P, error) {
	var none P
	obj, violations, err := kind.DecodeMap(map[string]any{})
	if err != nil {
		return none, fmt.Errorf("making the default %s: %w", kind.Name, err)
	}
	if len(violations) > 0 {
		return none, api.InvalidObject(kind.Name, "default", violations)
	}
	return obj.(P), nil
}

// policyOf reads a singleton of this capability, or its default.
func policyOf[P api.Object](ctx context.Context, s *object.Scope, kind *api.Kind) (P, error) {
	obj, err := s.Get(ctx, kind, kind.Name)
	if err != nil {
		var none P
		return none, err
	}
	return obj.(P), nil
}

// LoginPolicy reads the login policy in force.
func LoginPolicy(ctx context.Context, s *object.Scope) (*api.LoginPolicy, error) {
	return policyOf[*api.LoginPolicy](ctx, s, api.LoginPolicyKind)
}

// MFAPolicy reads the policy on second factors in force.
func MFAPolicy(ctx context.Context, s *object.Scope) (*api.MFAPolicy, error) {
	return policyOf[*api.MFAPolicy](ctx, s, api.MFAPolicyKind)
}

// SessionPolicy reads the limits of sessions in force.
func SessionPolicy(ctx context.Context, s *object.Scope) (*api.SessionPolicy, error) {
	return policyOf[*api.SessionPolicy](ctx, s, api.SessionPolicyKind)
}

func validateLogin(ctx context.Context, c *object.Change[*api.LoginPolicy]) ([]api.Violation, error) {
	was := c.Old
	if was == nil {
		was = &api.LoginPolicy{PasswordLogin: "allowed"}
	}
	out, err := checkExempt(ctx, c.Scope, was, c.New)
	if err != nil {
		return nil, err
	}
	enforces := c.New.EnforceSSO && !was.EnforceSSO
	shuts := c.New.PasswordLogin == "disabled" && was.PasswordLogin != "disabled"
	if !enforces && !shuts {
		return out, nil
	}
	all, err := connections(ctx, c.Scope)
	if err != nil {
		return nil, err
	}
	good, others := usable(all, c.Now)
	if enforces {
		if err := mayEnforce(ctx, c, good, others); err != nil {
			return nil, err
		}
	}
	if shuts && len(good) == 0 {
		return nil, lockout("/password_login", "Passwords cannot be disabled: people could sign in through nothing else. "+connectFirst(others)+" Then set password_login = \"disabled\".")
	}
	return out, nil
}

// mayEnforce refuses SSO that nobody, or not the caller, could sign in by (C037).
func mayEnforce(ctx context.Context, c *object.Change[*api.LoginPolicy], good []*api.SSOConnection, others []string) error {
	if len(good) == 0 {
		return lockout("/enforce_sso", "SSO cannot be enforced: nobody but the owner and exempt members could sign in. "+connectFirst(others)+" Then set enforce_sso = true.")
	}
	if c.Caller.Kind != object.PrincipalMember {
		return nil
	}
	role, err := c.Role(ctx)
	if err != nil {
		return err
	}
	email := c.Caller.Key
	if role == string(vocabulary.RoleOwner) || slices.Contains(c.New.ExemptPrincipals, email) || covers(good, email) {
		return nil
	}
	domain := email[strings.LastIndexByte(email, '@')+1:]
	return lockout("/enforce_sso", fmt.Sprintf("SSO cannot be enforced by you: no usable connection takes %s, so you could not sign in yourself afterwards. Add %q to domains of a connection, add %s to exempt_principals, or let the Owner enforce it.", email, domain, email))
}

// connectFirst says what to do before passwords are taken away.
func connectFirst(others []string) string {
	if len(others) == 0 {
		return "There is no SSO connection; make one (gatehouse_sso_connection) and run its test login first."
	}
	return "No SSO connection is usable: " + strings.Join(others, "; ") + ". Enable one, renew its certificate where it has expired, and run its test login first."
}

// checkExempt: who may still use a password is an active member of the organisation,
// known beforehand (X02). Those who were on the list already may stay.
func checkExempt(ctx context.Context, s *object.Scope, was, is *api.LoginPolicy) ([]api.Violation, error) {
	var out []api.Violation
	for i, email := range is.ExemptPrincipals {
		if slices.Contains(was.ExemptPrincipals, email) {
			continue
		}
		at := fmt.Sprintf("/exempt_principals/%d", i)
		var role string
		var active int64
		err := s.Tx.QueryRowContext(ctx, `SELECT role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&role, &active)
		switch {
		case errors.Is(err, sql.ErrNoRows):
			out = append(out, object.MissingReference(at, api.MemberKind, email))
		case err != nil:
			return nil, fmt.Errorf("reading member %s: %w", email, err)
		case active != 1:
			out = append(out, api.Invalid(at, "%s is suspended and could not break any glass; name an active member", email))
		case !vocabulary.Role(role).Internal():
			out = append(out, api.Invalid(at, "%s is a guest; name a member of the organisation", email))
		}
	}
	return out, nil
}

func loginEffect(was, is *api.LoginPolicy) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectUnknown
	}
	var t object.Tally
	t.Closes(was.EnforceSSO, is.EnforceSSO)
	t.Names(was.ExemptPrincipals, is.ExemptPrincipals)
	t.Opens(was.PasswordLogin == "allowed", is.PasswordLogin == "allowed")
	t.Opens(was.AutoJoin == "verified_domains", is.AutoJoin == "verified_domains")
	t.Number(was.MaxFailedAttempts, is.MaxFailedAttempts)
	t.Opens(was.InviteLinks, is.InviteLinks)
	return t.Effect()
}
