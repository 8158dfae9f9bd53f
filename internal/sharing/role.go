package sharing

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

var _ = object.Register(api.RoleKind, object.Rules[*api.Role]{
	PolicyRelevant: true,
	Authorise:      authoriseRole,
	Validate:       validateRole,
	After:          separateHolders,
	Destroy:        destroyRole,
	Effect:         roleEffect,
})

// maxRoles bounds what the engine of a workspace is compiled from.
const maxRoles = 1000

// authoriseRole: who may write roles without being owner or admin could otherwise
// write themselves up.
func authoriseRole(ctx context.Context, c *object.Change[*api.Role]) error {
	if err := c.Require(ctx, api.RoleKind.WritePermission()); err != nil || c.Deleted {
		return err
	}
	level := vocabulary.LevelNone
	if c.New.BaseLevel != "" {
		var err error
		if level, err = vocabulary.ParseLevel(c.New.BaseLevel); err != nil {
			return api.NewProblem(api.CodeMalformed, "%v.", err)
		}
	}
	return mayGive(ctx, c.Scope, gift{path: vocabulary.RootPath, at: "/statements", level: level, role: c.New})
}

// validateRole: names are checked by the type; here the role is compiled, so that a
// stored role never breaks the decisions of its workspace.
func validateRole(ctx context.Context, c *object.Change[*api.Role]) ([]api.Violation, error) {
	role, err := object.AccessRole(c.New)
	if err == nil {
		err = access.ValidateRole(role)
	}
	if err != nil {
		return []api.Violation{api.Invalid("/statements", "%v", err)}, nil
	}
	var out []api.Violation
	if c.Created {
		var n int
		if err := c.Tx.QueryRowContext(ctx, `SELECT COUNT(*) FROM object WHERE workspace_id = $1 AND kind = $2`, c.WorkspaceID, api.RoleKind.Name).Scan(&n); err != nil {
			return nil, fmt.Errorf("counting roles: %w", err)
		}
		if n >= maxRoles {
			out = append(out, api.Invalid("/name", "the workspace has %d custom roles, the most there may be; delete one that is not used", n))
		}
	}
	more, err := checkHolders(ctx, c)
	return append(out, more...), err
}

// checkHolders refuses an assignable_to that those who hold the role do not meet.
func checkHolders(ctx context.Context, c *object.Change[*api.Role]) ([]api.Violation, error) {
	if c.Created || len(c.New.AssignableTo) == 0 || slices.Equal(c.Old.AssignableTo, c.New.AssignableTo) {
		return nil, nil
	}
	var bad []string
	err := object.Each(ctx, c.Scope, api.RoleAssignmentKind, func(a *api.RoleAssignment) error {
		h, err := findHolder(ctx, c.Scope, a.Principal)
		if err == nil && !slices.Contains(c.New.AssignableTo, h.assignableAs()) {
			bad = append(bad, a.Principal)
		}
		return err
	}, store.Condition{Column: "role", Value: c.New.Name})
	if err != nil || len(bad) == 0 {
		return nil, err
	}
	return []api.Violation{api.Invalid("/assignable_to", "the role is assigned to %s, which this leaves out; remove those assignments first, or keep their kinds in the list", strings.Join(firstFew(bad), ", "))}, nil
}

// separateHolders looks at everyone who holds a role that now gives more.
func separateHolders(ctx context.Context, c *object.Change[*api.Role]) error {
	if c.Created || c.Deleted || roleEffect(c.Old, c.New) != audit.EffectWidened {
		return nil
	}
	var gains []Gain
	gain := func(principal string) {
		gains = append(gains, Gain{Principal: principal, At: "/statements", Role: c.New.Name})
	}
	held := store.Condition{Column: "role", Value: c.New.Name}
	if err := object.Each(ctx, c.Scope, api.RoleAssignmentKind, func(a *api.RoleAssignment) error {
		gain(a.Principal)
		return nil
	}, held); err != nil {
		return err
	}
	if err := object.Each(ctx, c.Scope, api.AccessGrantKind, func(g *api.AccessGrant) error {
		gain(g.Principal)
		return nil
	}, held); err != nil {
		return err
	}
	return Separate(ctx, c.Scope, api.RoleKind, c.New.Name, gains...)
}

// destroyRole refuses to delete a role that something names: what it allowed would be
// lost silently, and what it denied would be allowed again.
func destroyRole(ctx context.Context, c *object.Change[*api.Role]) (*api.Role, error) {
	users, err := usersOfRole(ctx, c.Scope, c.Old.Name)
	if err != nil || len(users) == 0 {
		return nil, err
	}
	return nil, api.NewProblem(api.CodeReferenced, "The role %q is still used by %s. Remove or change these first, then delete the role.", c.Old.Name, strings.Join(firstFew(users), ", "))
}

// usersOfRole lists what names a role, in words.
func usersOfRole(ctx context.Context, s *object.Scope, name string) ([]string, error) {
	var out []string
	if err := object.Each(ctx, s, api.RoleAssignmentKind, func(a *api.RoleAssignment) error {
		out = append(out, fmt.Sprintf("the role_assignment to %s on %s", a.Principal, a.Scope))
		return nil
	}, store.Condition{Column: "role", Value: name}); err != nil {
		return nil, err
	}
	if err := object.Each(ctx, s, api.AccessGrantKind, func(g *api.AccessGrant) error {
		out = append(out, fmt.Sprintf("the access_grant to %s on %s", g.Principal, g.Resource))
		return nil
	}, store.Condition{Column: "role", Value: name}); err != nil {
		return nil, err
	}
	if err := object.Each(ctx, s, api.SeparationOfDutiesRuleKind, func(r *api.SeparationOfDutiesRule) error {
		if slices.Contains(r.Left.Roles, name) || slices.Contains(r.Right.Roles, name) {
			out = append(out, "the separation_of_duties_rule "+r.Name)
		}
		return nil
	}); err != nil {
		return nil, err
	}
	// Mappings belong to another capability; its rows are read as they are stored.
	mappings, err := store.Objects.List(ctx, s.Tx, s.WorkspaceID, api.SCIMGroupMappingKind.Name, "", api.MaxPageSize, store.Condition{Field: "role", Value: name})
	if err != nil {
		return nil, err
	}
	for _, m := range mappings {
		out = append(out, fmt.Sprintf("the scim_group_mapping %s", m.Key))
	}
	policy, err := Policy(ctx, s)
	if err != nil {
		return nil, err
	}
	if slices.Contains(policy.GuestInviterRoles, name) {
		out = append(out, "guest_inviter_roles of the sharing_policy")
	}
	return out, nil
}

// roleEffect compares what the role allows and denies, term by term.
func roleEffect(was, is *api.Role) audit.Effect {
	if was == nil || is == nil {
		return audit.EffectNeutral // a role nobody holds yet, or any more
	}
	var t object.Tally
	t.Number(int64(levelOf(was.BaseLevel)), int64(levelOf(is.BaseLevel)))
	t.Names(terms(was, access.Allow), terms(is, access.Allow))
	denied, denies := terms(was, access.Deny), terms(is, access.Deny)
	t.Add(!object.Within(denied, denies), !object.Within(denies, denied))
	return t.Effect()
}

func levelOf(name string) vocabulary.Level {
	l, err := vocabulary.ParseLevel(name)
	if err != nil {
		return vocabulary.LevelNone
	}
	return l
}

// terms lists the permissions and paths of a role's statements of one effect.
func terms(r *api.Role, effect access.Effect) []string {
	var out []string
	for _, st := range r.Statements {
		if st.Effect != string(effect) {
			continue
		}
		paths := st.Paths
		if len(paths) == 0 {
			paths = []string{""}
		}
		for _, permission := range st.Permissions {
			for _, path := range paths {
				out = append(out, permission+" "+path)
			}
		}
	}
	return out
}
