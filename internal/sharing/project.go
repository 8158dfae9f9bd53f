package sharing

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
)

// That allow_guest_ai_workflows is the Owner's alone (C033) is said by its ownerOnly tag.
var _ = object.Register(api.ProjectKind, object.Rules[*api.Project]{
	Table: itemTable,
	Columns: func(p *api.Project) []any {
		return itemColumns(p.Path, p.Team, p.Owner, p.Inheritance)
	},
	FilterColumns: map[string]string{"path": "key", "team": "team"},
	AuthzRelevant: true,
	Authorise:     authoriseProject,
	Visible: func(ctx context.Context, s *object.Scope, p *api.Project) (bool, error) {
		return sees(ctx, s, p.Path, itemRead)
	},
	Validate: validateProject,
	Prepare:  prepareProject,
	After: func(ctx context.Context, c *object.Change[*api.Project]) error {
		if c.Deleted {
			return revokeOn(ctx, c.Scope, c.Old)
		}
		return nil
	},
	Destroy: func(ctx context.Context, c *object.Change[*api.Project]) (*api.Project, error) {
		if c.Old.DeletionProtection {
			return nil, api.NewProblem(api.CodeConflict, "The project %s has deletion_protection = true. Set it to false, apply that, and delete the project then.", c.Old.Path)
		}
		if err := refuseWhileFull(ctx, c.Scope, "project", c.Old.Path); err != nil {
			return nil, err
		}
		return nil, putInTrash(ctx, c.Scope, api.ProjectKind, c.Old, c.Old.Name)
	},
	Destroyed: trashed,
	Effect:    projectEffect,
})

func authoriseProject(ctx context.Context, c *object.Change[*api.Project]) error {
	if err := c.Require(ctx, api.ProjectKind.WritePermission()); err != nil {
		return err
	}
	if c.Deleted {
		return need(ctx, c.Scope, c.Old.Path, itemDelete)
	}
	all, err := governs(ctx, c.Scope)
	if err != nil {
		return err
	}
	if c.Created {
		// C015: members create projects for their teams at the top; inside an item it
		// also takes the right to make something there.
		if parent := vocabulary.ParentPath(c.New.Path); all || parent != vocabulary.RootPath {
			if err := need(ctx, c.Scope, parent, itemCreate); err != nil {
				return err
			}
		}
		if all {
			return nil
		}
		if own := c.New.Owner; own != "" && object.PrincipalMember+":"+own != c.Caller.Principal() {
			return refuseAttribute("/owner", "you may own a project that you create, and name nobody else; leave owner out, or ask an admin to create it")
		}
		return needTeam(ctx, c)
	}
	if err := need(ctx, c.Scope, c.Old.Path, itemSettings); err != nil {
		return err
	}
	if c.New.Owner != "" && c.New.Owner != c.Old.Owner {
		if err := needOwner(ctx, c.Scope); err != nil {
			return err
		}
	}
	if all || c.New.Team == c.Old.Team {
		return nil
	}
	return needTeam(ctx, c)
}

// needTeam: who does not govern the workspace gives projects to their own teams only.
func needTeam(ctx context.Context, c *object.Change[*api.Project]) error {
	subject, err := c.Subject(ctx, c.Caller.Principal())
	if err != nil {
		return err
	}
	if _, in := subject.Teams[c.New.Team]; in {
		return nil
	}
	return refuseAttribute("/team", fmt.Sprintf("you are not in the team %q; name one of your own teams, or ask an admin", c.New.Team))
}

// needOwner: only the workspace Owner hands a project to somebody else (C032, X06).
func needOwner(ctx context.Context, s *object.Scope) error {
	err := s.Require(ctx, vocabulary.ProjectOwnerTransfer)
	var p *api.Problem
	if errors.As(err, &p) && p.Code() == api.CodeForbidden {
		return refuseAttribute("/owner", "only the workspace Owner may hand a project to another owner (C032); apply this with a token of the Owner, or leave owner as it is")
	}
	return err
}

// needTransfer: whoever has full access hands a collection or an asset to somebody else
// (X06).
func needTransfer(ctx context.Context, s *object.Scope, kind *api.Kind, path string) error {
	ok, err := sees(ctx, s, path, vocabulary.ItemOwnerTransfer)
	if err != nil || ok {
		return err
	}
	return refuseAttribute("/owner", fmt.Sprintf("it takes full access to %s to say who owns the %s (X06); ask somebody who has it, or leave owner as it is", path, kind.Name))
}

func refuseAttribute(at, message string) *api.Problem {
	p := api.NewProblem(api.CodeForbidden, "You may not write this attribute: %s.", message)
	p.Errors = []api.Violation{{Path: at, Code: string(api.CodeForbidden), Message: message}}
	return p
}

func validateProject(ctx context.Context, c *object.Change[*api.Project]) ([]api.Violation, error) {
	var out []api.Violation
	if c.Created {
		for _, check := range []func() ([]api.Violation, error){
			func() ([]api.Violation, error) { return checkParent(ctx, c.Scope, c.New.Path) },
			func() ([]api.Violation, error) { return checkUnused(ctx, c.Scope, api.ProjectKind, c.New.Path) },
		} {
			v, err := check()
			if err != nil {
				return nil, err
			}
			out = append(out, v...)
		}
	}
	if c.Created || c.New.Team != c.Old.Team {
		v, err := CheckTeamGets(ctx, c.Scope, c.New.Team, "/team", c.New.Path)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	if owner := c.New.Owner; owner != "" && (c.Created || owner != c.Old.Owner) {
		v, err := checkOwner(ctx, c.Scope, api.ProjectKind, owner)
		if err != nil {
			return nil, err
		}
		out = append(out, v...)
	}
	return out, nil
}

// checkOwner: an owner has full access for as long as they own, so they are an active
// member of the organisation. That they exist, the pipeline checks.
func checkOwner(ctx context.Context, s *object.Scope, kind *api.Kind, email string) ([]api.Violation, error) {
	var role string
	var active int64
	err := s.Tx.QueryRowContext(ctx, `SELECT role, active FROM member WHERE workspace_id = $1 AND kind = 'member' AND key = $2`, s.WorkspaceID, email).Scan(&role, &active)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("reading member %s: %w", email, err)
	case active != 1:
		return []api.Violation{api.Invalid("/owner", "%s is suspended; name an active member", email)}, nil
	case !vocabulary.Role(role).Internal():
		return []api.Violation{api.Invalid("/owner", "%s is a guest, and guests own no %s (C016); name a member", email, kind.Plural)}, nil
	}
	return nil, nil
}

// prepareProject gives a project the owner that nobody named: who makes it, or the
// workspace Owner for what machines make.
func prepareProject(ctx context.Context, c *object.Change[*api.Project]) error {
	if c.New.Owner != "" {
		return nil
	}
	if c.Caller.Kind == object.PrincipalMember {
		c.New.Owner = c.Caller.Key
		return nil
	}
	var err error
	c.New.Owner, err = workspaceOwner(ctx, c.Scope)
	return err
}

// workspaceOwner is the address of the workspace's Owner.
func workspaceOwner(ctx context.Context, s *object.Scope) (string, error) {
	var email string
	err := s.Tx.QueryRowContext(ctx, `SELECT key FROM member WHERE workspace_id = $1 AND role = 'owner'`, s.WorkspaceID).Scan(&email)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("looking for the workspace owner: %w", err)
	}
	return email, nil
}

var classificationOrder = []string{"confidential", "internal", "public"}

func projectEffect(was, is *api.Project) audit.Effect {
	switch {
	case was == nil:
		return audit.EffectNeutral // what is new was nobody's before
	case is == nil:
		return audit.EffectNarrowed
	}
	var t object.Tally
	t.Closes(was.Inheritance == "restricted", is.Inheritance == "restricted")
	t.Opens(was.AllowGuestUploads, is.AllowGuestUploads)
	t.Opens(was.AllowGuestAIWorkflows, is.AllowGuestAIWorkflows)
	t.Rank(classificationOrder, was.Classification, is.Classification)
	// Others come in and others go.
	t.Unclear(was.Team != is.Team || was.Owner != is.Owner)
	return t.Effect()
}
