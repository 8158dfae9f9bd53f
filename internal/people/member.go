package people

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

const (
	roleOwner = string(vocabulary.RoleOwner)
	roleAdmin = string(vocabulary.RoleAdmin)
	roleGuest = string(vocabulary.RoleGuest)
)

// C012 to C015, X02, X03: members and their workspace role.
var _ = object.Register(api.MemberKind, object.Rules[*api.Member]{
	Table: store.Table{Name: "member", Extra: []string{"role", "active", "source", "external_id", "connection"}},
	Columns: func(m *api.Member) []any {
		return []any{m.WorkspaceRole, flag(m.Active), m.Source, m.ExternalID, m.Connection}
	},
	FilterColumns: map[string]string{"email": "key", "workspace_role": "role"},
	AuthzRelevant: true,
	Recreate:      func(old *api.Member) bool { return !old.Active },
	Validate:      validateMember,
	Prepare:       prepareMember,
	Strip:         func(m *api.Member) { m.SSOExempt = false },
	Hydrate:       hydrateMembers,
	After:         afterMember,
	Destroy:       destroyMember,
	Effect:        memberEffect,
})

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func validateMember(_ context.Context, c *object.Change[*api.Member]) ([]api.Violation, error) {
	var out []api.Violation
	if c.Old == nil {
		return nil, nil
	}
	if refused := refuseGuestAsMember(c.Old); refused != nil {
		return refused, nil
	}
	if c.Old.WorkspaceRole == roleOwner {
		// The wire does not accept "owner", so every document asks for another role.
		return []api.Violation{api.Invalid("/workspace_role", "%s is the workspace Owner; ownership moves with gatehouse_workspace_owner, and until then the Owner cannot be declared as a member", c.Old.Email)}, nil
	}
	if c.Old.Source != api.ManagedBySCIM || writesForSCIM(c.Caller) {
		return nil, nil
	}
	owned := func(path string) {
		out = append(out, api.Violation{Path: path, Code: "owned_by_scim",
			Message: fmt.Sprintf("%s is provisioned by SCIM%s, which owns this attribute; leave it out, or change it at the identity provider", c.Old.Email, through(c.Old.Connection))})
	}
	if c.New.DisplayName != c.Old.DisplayName {
		owned("/display_name")
	}
	if c.New.Active != c.Old.Active {
		owned("/active")
	}
	return out, nil
}

// writesForSCIM reports whether a caller may change what SCIM owns.
func writesForSCIM(c *object.Caller) bool {
	return c.Kind == object.PrincipalConnection || c.Kind == object.PrincipalSystem
}

func through(connection string) string {
	if connection == "" {
		return ""
	}
	return fmt.Sprintf(" (connection %q)", connection)
}

func prepareMember(_ context.Context, c *object.Change[*api.Member]) error {
	if c.Old == nil {
		c.New.Source = c.Caller.Source()
		if c.Caller.Kind == object.PrincipalConnection {
			c.New.Connection = c.Caller.Key
		}
	}
	switch {
	case c.New.Active:
		c.New.SuspendedAt = nil
	case c.New.SuspendedAt == nil:
		now := c.Now
		c.New.SuspendedAt = &now
	}
	return nil
}

// hydrateMembers says who may sign in with a password although SSO is enforced: the
// Owner and the declared break-glass accounts (X02).
func hydrateMembers(ctx context.Context, s *object.Scope, members []*api.Member) error {
	exempt, err := exemptPrincipals(ctx, s)
	if err != nil {
		return err
	}
	for _, m := range members {
		m.SSOExempt = m.WorkspaceRole == roleOwner || exempt[api.MemberKind.KeyOf(m)]
	}
	return nil
}

func afterMember(ctx context.Context, c *object.Change[*api.Member]) error {
	if c.New == nil {
		return nil
	}
	was, is := governs(c.Old), governs(c.New)
	suspended := c.Old != nil && c.Old.Active && !c.New.Active
	if suspended {
		if err := refuseNamed(ctx, c.Scope, c.Old); err != nil {
			return err
		}
		if err := endCredentials(ctx, c.Scope, "member:"+c.New.Key, c.New.ID); err != nil {
			return err
		}
		if err := c.Record(audit.ActionMemberSuspended, targetOf(api.MemberKind, c.New), audit.EffectNarrowed, nil, nil); err != nil {
			return err
		}
	}
	if c.Old != nil && !c.Old.Active && c.New.Active {
		if err := c.Record(audit.ActionMemberReactivated, targetOf(api.MemberKind, c.New), audit.EffectWidened, nil, nil); err != nil {
			return err
		}
	}
	if was && !is {
		return requireAdministrators(ctx, c.Scope, c.Old.Email)
	}
	if c.New.Active && (c.Old == nil || !c.Old.Active || c.Old.WorkspaceRole != c.New.WorkspaceRole) {
		return sharing.Separate(ctx, c.Scope, api.MemberKind, c.New.Key, sharing.Gain{Principal: "member:" + c.New.Key, At: "/workspace_role"})
	}
	return nil
}

// governs reports whether a member counts as an administrator.
func governs(m *api.Member) bool {
	return m != nil && m.Active && (m.WorkspaceRole == roleOwner || m.WorkspaceRole == roleAdmin)
}

// destroyMember suspends (SUS): identity and audit stay, everything else ends.
func destroyMember(ctx context.Context, c *object.Change[*api.Member]) (*api.Member, error) {
	if err := refuseSuspendingGuest(ctx, c.Scope, c.Old); err != nil {
		return nil, err
	}
	if err := refuseProtected(ctx, c.Scope, c.Old); err != nil {
		return nil, err
	}
	left := *c.Old
	left.Active = false
	if left.SuspendedAt == nil {
		now := c.Now
		left.SuspendedAt = &now
	}
	return &left, endEverything(ctx, c.Scope, "member:"+c.Old.Key, c.Old.ID, "the member was suspended")
}

func memberEffect(old, next *api.Member) audit.Effect {
	authority := func(m *api.Member) int {
		if m == nil || !m.Active {
			return 0
		}
		return vocabulary.Role(m.WorkspaceRole).Authority()
	}
	return direction(authority(next) - authority(old))
}

func direction(diff int) audit.Effect {
	switch {
	case diff > 0:
		return audit.EffectWidened
	case diff < 0:
		return audit.EffectNarrowed
	}
	return audit.EffectNeutral
}

func targetOf(kind *api.Kind, obj api.Object) audit.Target {
	m := obj.GetMeta()
	return audit.Target{Kind: kind.Name, ID: m.ID, Key: m.Key}
}
