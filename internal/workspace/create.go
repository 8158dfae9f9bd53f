package workspace

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/people" // rules of the first member
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Spec describes a workspace to be made: its attributes as api.Workspace documents
// them, and the first member.
type Spec struct {
	Slug               string `json:"slug" required:"true" doc:"Short name in paths; fixed for the life of the workspace."`
	Name               string `json:"name" required:"true" doc:"Name that people see."`
	Owner              string `json:"owner" required:"true" doc:"E-mail of the first member, who owns the workspace."`
	OwnerName          string `json:"owner_name,omitempty" doc:"Name of the owner."`
	Plan               string `json:"plan,omitempty" doc:"free, team or enterprise (default)."`
	Classification     string `json:"classification,omitempty" doc:"public, internal (default) or confidential."`
	MinAdmins          int64  `json:"min_admins,omitempty" doc:"Fewest people who must be able to administer."`
	DeletionProtection *bool  `json:"deletion_protection,omitempty" doc:"While true (default), the workspace cannot be closed."`
	ClosureDays        int64  `json:"closure_days,omitempty" doc:"Days between closing and deletion, 1 to 30 (default)."`
}

// document is the part of the spec that the workspace keeps.
func (spec Spec) document() ([]byte, error) {
	raw, err := json.Marshal(spec)
	if err != nil {
		return nil, fmt.Errorf("encoding the workspace: %w", err)
	}
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(raw, &doc); err != nil {
		return nil, fmt.Errorf("encoding the workspace: %w", err)
	}
	delete(doc, "owner")
	delete(doc, "owner_name")
	return json.Marshal(doc)
}

// Create makes a workspace with its Owner: the workspace, its document, the owner
// and their audit events in one transaction. Only operators may.
func Create(ctx context.Context, svc *object.Service, operator *object.Caller, spec Spec) (*api.Workspace, error) {
	if operator.Kind != object.PrincipalOperator && operator.Kind != object.PrincipalSystem {
		return nil, api.NewProblem(api.CodeForbidden, "Only the operator of the deployment makes workspaces.")
	}
	doc, err := spec.document()
	if err != nil {
		return nil, err
	}
	obj, violations, err := api.WorkspaceKind.Decode(doc)
	if err != nil {
		return nil, err
	}
	owner, err := api.NormaliseEmail(spec.Owner)
	if err != nil {
		violations = append(violations, api.Invalid("/owner", "%v", err))
	}
	if len(violations) > 0 {
		return nil, api.InvalidObject(api.WorkspaceKind.Name, spec.Slug, violations)
	}
	w := obj.(*api.Workspace)
	if w.MinAdmins > 1 {
		return nil, api.InvalidObject(api.WorkspaceKind.Name, w.Slug, []api.Violation{api.Invalid("/min_admins", "a new workspace has one administrator, its Owner; raise min_admins when there are more")})
	}
	w.State = StateActive
	// The caller's scope has no workspace yet: the transaction makes it.
	outside := *operator
	outside.WorkspaceID, outside.WorkspaceSlug = "", ""
	err = svc.Do(ctx, &outside, func(s *object.Scope) error {
		w.Meta = api.Meta{}
		return create(ctx, s, w, owner, spec.OwnerName)
	})
	if err != nil {
		return nil, err
	}
	return w, nil
}

func create(ctx context.Context, s *object.Scope, w *api.Workspace, owner, name string) error {
	m := &api.Member{Email: owner, WorkspaceRole: string(vocabulary.RoleOwner), DisplayName: name, Active: true, Source: api.ManagedBySystem}
	s.WorkspaceID, s.Slug = store.NewID(api.WorkspaceKind.Prefix, s.Now), w.Slug
	_, err := s.Tx.ExecContext(ctx, `INSERT INTO workspace (id, slug, authz_version, owner_id, created_at) VALUES ($1, $2, $3, $4, $5)`,
		s.WorkspaceID, w.Slug, object.NewVersion(), "", s.Now.UnixMicro())
	if store.IsUnique(err) {
		return api.NewProblem(api.CodeConflict, "A workspace %q exists already. Choose another slug.", w.Slug)
	}
	if err != nil {
		return fmt.Errorf("making the workspace: %w", err)
	}
	bySystem := object.How{Manager: api.ManagedBySystem}
	if err := s.SaveDerived(ctx, api.WorkspaceKind, bySystem, w); err != nil {
		return err
	}
	if err := s.SaveDerived(ctx, api.MemberKind, bySystem, m); err != nil {
		return err
	}
	if _, err := s.Tx.ExecContext(ctx, `UPDATE workspace SET owner_id = $2 WHERE id = $1`, s.WorkspaceID, m.ID); err != nil {
		return fmt.Errorf("naming the owner: %w", err)
	}
	return nil
}

// Lookup finds a workspace by slug or id; a not_found problem when there is none.
func Lookup(ctx context.Context, db *store.DB, ref string) (id, slug string, err error) {
	err = db.Read(ctx, func(tx *store.Tx) error {
		column := "slug"
		if api.WorkspaceKind.IsID(ref) {
			column = "id"
		}
		return tx.QueryRowContext(ctx, `SELECT id, slug FROM workspace WHERE `+column+` = $1`, strings.ToLower(ref)).Scan(&id, &slug)
	})
	if errors.Is(err, sql.ErrNoRows) {
		return "", "", object.NotFound(api.WorkspaceKind.Name, ref)
	}
	if err != nil {
		return "", "", fmt.Errorf("looking up workspace %q: %w", ref, err)
	}
	return id, slug, nil
}

// List answers the workspaces that a caller can see, by slug: an operator sees all,
// everybody else the one that their credential is of.
func List(ctx context.Context, svc *object.Service, caller *object.Caller) ([]*api.Workspace, error) {
	if caller.WorkspaceID != "" || caller.Kind != object.PrincipalOperator {
		obj, err := svc.Get(ctx, caller, api.WorkspaceKind, "")
		if err != nil {
			return nil, err
		}
		return []*api.Workspace{obj.(*api.Workspace)}, nil
	}
	var out []*api.Workspace
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		out = []*api.Workspace{}
		refs, err := references(ctx, tx)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			row, err := store.Objects.ByID(ctx, tx, ref.id, api.WorkspaceKind.Name, ref.id)
			if err != nil {
				return err
			}
			obj, err := object.FromRow(api.WorkspaceKind, row, ref.slug)
			if err != nil {
				return err
			}
			out = append(out, obj.(*api.Workspace))
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing workspaces: %w", err)
	}
	return out, nil
}

type reference struct{ id, slug string }

func references(ctx context.Context, tx *store.Tx) ([]reference, error) {
	rows, err := tx.QueryContext(ctx, `SELECT id, slug FROM workspace ORDER BY slug`)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []reference
	for rows.Next() {
		var r reference
		if err := rows.Scan(&r.id, &r.slug); err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, rows.Err()
}
