package sharing

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// Item permissions that the rules here ask for (catalogue: internal/access/vocabulary).
const (
	itemRead     = "item.read"
	itemCreate   = "item.create"
	itemUpdate   = "item.update"
	itemSettings = "item.settings"
	itemDelete   = "item.delete"
	grantRead    = "grant.read"
	grantCreate  = "grant.create"
	grantUpdate  = "grant.update"
	grantDelete  = "grant.delete"

	collectionCreate = "collection.create"
	collectionUpdate = "collection.update"
	collectionDelete = "collection.delete"
)

// need refuses the change unless the caller has the permission on the item, by level,
// by role, or by the governance that owners and admins have everywhere (X05).
func need(ctx context.Context, s *object.Scope, path string, permissions ...string) error {
	for _, permission := range permissions {
		d, err := s.DecideOn(ctx, path, permission)
		if err != nil {
			return err
		}
		if !d.Allowed {
			return forbidden(d, path)
		}
	}
	return nil
}

// sees reports whether the caller has the permission on the item.
func sees(ctx context.Context, s *object.Scope, path, permission string) (bool, error) {
	d, err := s.DecideOn(ctx, path, permission)
	return d.Allowed, err
}

func forbidden(d access.Decision, path string) *api.Problem {
	p := api.NewProblem(api.CodeForbidden, "You may not do this on %s: %s.", path, d.String())
	for _, r := range d.Reasons {
		p.Errors = append(p.Errors, api.Violation{Code: string(r.Kind), Message: r.Text})
	}
	return p
}

// governs reports whether the caller administers the workspace (owner or admin).
func governs(ctx context.Context, s *object.Scope) (bool, error) {
	role, err := s.Role(ctx)
	return vocabulary.Role(role).Governs(), err
}

// gift is what somebody is about to receive on a path.
type gift struct {
	path  string           // where it will apply
	at    string           // attribute that names it, for the refusal
	level vocabulary.Level // of the grant, or of the role
	role  *api.Role        // custom role, nil for a level
}

// mayGive refuses a gift that goes beyond what the caller has there, so that managing
// access is no way up. Owners and admins administer access to everything (X05).
func mayGive(ctx context.Context, s *object.Scope, g gift) error {
	if all, err := governs(ctx, s); all || err != nil {
		return err
	}
	d, err := s.DecideOn(ctx, g.path, itemRead)
	if err != nil {
		return err
	}
	if g.level > d.Level {
		return beyond(g, fmt.Sprintf("the level %s, and yours on %s is %s; give %s or less", g.level, g.path, d.Level, d.Level))
	}
	if g.role == nil {
		return nil
	}
	missing, err := notHeld(ctx, s, g.path, g.role)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		return beyond(g, fmt.Sprintf("%s, which you do not have on %s", strings.Join(firstFew(missing), ", "), g.path))
	}
	return nil
}

func beyond(g gift, what string) *api.Problem {
	p := api.NewProblem(api.CodeForbidden, "You cannot give more than you have: this gives %s. Ask the owner or an admin.", what)
	p.Errors = []api.Violation{{Path: g.at, Code: string(api.CodeForbidden), Message: "gives " + what}}
	return p
}

// notHeld lists the permissions that a role allows and the caller does not have.
func notHeld(ctx context.Context, s *object.Scope, path string, role *api.Role) ([]string, error) {
	var missing []string
	for _, st := range role.Statements {
		if st.Effect != string(access.Allow) {
			continue
		}
		names, err := vocabulary.ExpandAll(st.Permissions)
		if err != nil {
			return nil, fmt.Errorf("reading role %s: %w", role.Name, err)
		}
		for _, name := range names {
			ok, err := holds(ctx, s, path, name)
			if err != nil {
				return nil, err
			}
			if !ok {
				missing = append(missing, name)
			}
		}
	}
	return missing, nil
}

func holds(ctx context.Context, s *object.Scope, path, permission string) (bool, error) {
	p, _ := vocabulary.Lookup(permission)
	if p.Scope == vocabulary.ScopeItem {
		return sees(ctx, s, path, permission)
	}
	err := s.Require(ctx, permission)
	var problem *api.Problem
	if errors.As(err, &problem) && problem.Code() == api.CodeForbidden {
		return false, nil
	}
	return err == nil, err
}

// firstFew keeps messages short.
func firstFew(names []string) []string {
	const few = 5
	if len(names) <= few {
		return names
	}
	return append(append([]string{}, names[:few]...), fmt.Sprintf("and %d more", len(names)-few))
}
