package workspace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/access/vocabulary"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	_ "github.com/gatehouse-access/terraform-provider-gatehouse/internal/people" // rules of the first member
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Spec describes a workspace to be made.
type Spec struct {
	// Workspace holds the attributes; Slug and Name are needed, the others default.
	Workspace map[string]any
	Owner     string // e-mail of the first member, who owns the workspace
	OwnerName string
}

// Create makes a workspace with its Owner: the workspace, its document, the owner
// and their audit events in one transaction. Only operators may.
func Create(ctx context.Context, svc *object.Service, operator *object.Caller, spec Spec) (*api.Workspace, error) {
	if operator.Kind != object.PrincipalOperator && operator.Kind != object.PrincipalSystem {
		return nil, api.NewProblem(api.CodeForbidden, "Only the operator of the deployment makes workspaces.")
	}
	obj, violations, err := api.WorkspaceKind.DecodeMap(spec.Workspace)
	if err != nil {
		return nil, err
	}
	owner, err := api.NormaliseEmail(spec.Owner)
	if err != nil {
		violations = append(violations, api.Invalid("/owner", "%v", err))
	}
	if len(violations) > 0 {
		slug, _ := spec.Workspace["slug"].(string)
		return nil, api.InvalidObject(api.WorkspaceKind.Name, slug, violations)
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

// Reference is what doors need to know of a workspace before they know the caller.
type Reference struct {
	ID   string
	Slug string
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

// List answers a page of all workspaces in the order of their slugs, after the given
// one. It is the operator's view; others see the one that their credential is of.
func List(ctx context.Context, db *store.DB, after string, limit int) ([]Reference, error) {
	if limit <= 0 || limit > api.MaxPageSize {
		limit = api.DefaultPageSize
	}
	out := []Reference{}
	err := db.Read(ctx, func(tx *store.Tx) error {
		rows, err := tx.QueryContext(ctx, `SELECT id, slug FROM workspace WHERE slug > $1 ORDER BY slug LIMIT $2`, after, limit)
		if err != nil {
			return err
		}
		defer func() { _ = rows.Close() }()
		for rows.Next() {
			var r Reference
			if err := rows.Scan(&r.ID, &r.Slug); err != nil {
				return err
			}
			out = append(out, r)
		}
		return rows.Err()
	})
	if err != nil {
		return nil, fmt.Errorf("listing workspaces: %w", err)
	}
	return out, nil
}
