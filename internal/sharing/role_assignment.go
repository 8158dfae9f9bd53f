package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var _ = object.Register(api.RoleAssignmentKind, object.Rules[*api.RoleAssignment]{
	Table: store.Table{Name: "role_assignment", Extra: []string{"role", "principal", "scope", "source", "expires_at"}},
	Columns: func(a *api.RoleAssignment) []any {
		return []any{a.Role, a.Principal, a.Scope, a.Source, store.Micros(a.ExpiresAt)}
	},
	FilterColumns: map[string]string{"role": "role", "principal": "principal", "scope": "scope", "source": "source"},
	AuthzRelevant: true,
	Authorise:     authoriseAssignment,
	Validate:      validateAssignment,
	Prepare: func(_ context.Context, c *object.Change[*api.RoleAssignment]) error {
		c.New.Source = sourceOf(c.Caller, c.New.Source)
		return nil
	},
	After: func(ctx context.Context, c *object.Change[*api.RoleAssignment]) error {
		if c.Deleted {
			return nil
		}
		return Separate(ctx, c.Scope, api.RoleAssignmentKind, c.New.Key, Gain{Principal: c.New.Principal, At: "/role", Role: c.New.Role})
	},
	Effect: assignmentEffect,
})

// sourceOf is where a grant or an assignment comes from after a write: whoever made
// it, until Terraform takes over what was made by hand.
func sourceOf(c *object.Caller, was string) string {
	by := c.Source()
	if was == "" || was == api.ManagedByManual && by == api.ManagedByTerraform {
		return by
	}
	return was
}

func authoriseAssignment(ctx context.Context, c *object.Change[*api.RoleAssignment]) error {
	if err := c.Require(ctx, api.RoleAssignmentKind.WritePermission()); err != nil || c.Deleted {
		return err
	}
	role, err := findRole(ctx, c.Scope, c.New.Role)
	if err != nil || role == nil {
		return err // a missing role is a violation, not a matter of authority
	}
	return mayGive(ctx, c.Scope, gift{path: c.New.Scope, at: "/role", level: role.level, role: role.custom})
}

func validateAssignment(ctx context.Context, c *object.Change[*api.RoleAssignment]) ([]api.Violation, error) {
	a := c.New
	var out []api.Violation
	if a.Scope != vocabulary.RootPath {
		missing, err := checkItem(ctx, c.Scope, "/scope", a.Scope)
		if err != nil {
			return nil, err
		}
		out = append(out, missing...)
	}
	h, err := findHolder(ctx, c.Scope, a.Principal)
	if err != nil {
		return nil, err
	}
	if h.missing != nil {
		out = append(out, object.MissingReference("/principal", h.missing, h.key))
	}
	role, err := findRole(ctx, c.Scope, a.Role)
	if err != nil {
		return nil, err
	}
	if role == nil {
		out = append(out, missingRole("/role", a.Role))
	} else {
		out = append(out, checkAssignable(role, h, a.Role, "/principal")...)
		if h.guest && role.level > vocabulary.RoleGuest.Ceiling() {
			out = append(out, guestCeiling("/role", role.level))
		}
	}
	if effect := assignmentEffect(c.Old, a); effect == audit.EffectWidened || effect == audit.EffectUnknown {
		refused, err := checkOutside(ctx, c.Scope, h, c.New.Scope, "/principal")
		if err != nil {
			return nil, err
		}
		if len(refused) == 0 {
			if refused, err = refuseUnapprovedAssignment(ctx, c.Scope, c.New); err != nil {
				return nil, err
			}
		}
		out = append(out, refused...)
	}
	was := c.Old
	if was == nil {
		was = &api.RoleAssignment{}
	}
	out = append(out, checkExpiry(c.Scope, "/expires_at", was.ExpiresAt, a.ExpiresAt)...)
	return append(out, checkCondition("/condition", a.Condition)...), nil
}

// assignableAs is the word of assignable_to for a holder.
func (h holder) assignableAs() string {
	if h.guest {
		return "guest"
	}
	return h.kind
}

// checkAssignable applies assignable_to of a custom role.
func checkAssignable(role *namedRole, h holder, name, at string) []api.Violation {
	if role.custom == nil || len(role.custom.AssignableTo) == 0 || slices.Contains(role.custom.AssignableTo, h.assignableAs()) {
		return nil
	}
	return []api.Violation{api.Invalid(at, "the role %q may be given to %s only, and %s:%s is a %s; choose another principal, or add %q to assignable_to of the role",
		name, strings.Join(role.custom.AssignableTo, ", "), h.kind, h.key, h.assignableAs(), h.assignableAs())}
}

// guestCeiling is the refusal of a level that a guest would never reach (C016, X05):
// it would be a promise that the decision does not keep.
func guestCeiling(at string, level vocabulary.Level) api.Violation {
	return api.Invalid(at, "gives %s, and guests and people outside never pass edit; write edit, comment or view, or make them a member", level)
}

func assignmentEffect(was, is *api.RoleAssignment) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectWidened
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Expiry(was.ExpiresAt, is.ExpiresAt)
	t.Condition(was.Condition, is.Condition)
	return t.Effect()
}

// refuseUnapprovedAssignment: role assignments are administration and do not wait for approval,
// so none goes to people outside where sharing would have to (C055).
func refuseUnapprovedAssignment(ctx context.Context, s *object.Scope, a *api.RoleAssignment) ([]api.Violation, error) {
	outside, err := outsideThrough(ctx, s, a.Principal)
	if err != nil || len(outside) == 0 {
		return nil, err
	}
	waits, policy, err := needsApproval(ctx, s, a.Scope, outside)
	if err != nil || !waits {
		return nil, err
	}
	if policy == "" {
		policy = "an admin"
	} else {
		policy = fmt.Sprintf("the approval policy %q", policy)
	}
	return []api.Violation{{Path: "/principal", Code: api.ViolationSharingPolicy, Message: fmt.Sprintf(
		"%s is given this, and sharing outside needs the approval of %s (require_external_approval in the sharing policy), and role assignments do not wait for one; give the role with gatehouse_access_grant on the item, which does", receiversFrom(a.Principal, outside), policy)}}, nil
}
