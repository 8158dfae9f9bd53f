package workspace

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/audit"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/object"
	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// PurgeClosed deletes the data of workspaces whose closure clock has run out (C089)
// and answers their ids. The audit log keeps its events, which nobody can be
// recognised in any more (X12). The server calls it now and then; replicas may race.
func PurgeClosed(ctx context.Context, svc *object.Service) ([]string, error) {
	due, err := dueForPurge(ctx, svc)
	if err != nil {
		return nil, err
	}
	var purged []string
	for _, ref := range due {
		gone := false
		err := svc.Do(ctx, object.System(ref.id), func(s *object.Scope) error {
			var err error
			gone, err = purge(ctx, s, svc.AuditLog())
			return err
		})
		if err != nil {
			return purged, fmt.Errorf("deleting workspace %q: %w", ref.slug, err)
		}
		if gone {
			purged = append(purged, ref.id)
		}
	}
	return purged, nil
}

func dueForPurge(ctx context.Context, svc *object.Service) ([]reference, error) {
	var due []reference
	err := svc.DB.Read(ctx, func(tx *store.Tx) error {
		due = nil
		refs, err := references(ctx, tx)
		if err != nil {
			return err
		}
		for _, ref := range refs {
			row, err := store.Objects.ByID(ctx, tx, ref.id, api.WorkspaceKind.Name, ref.id)
			if err != nil {
				return err
			}
			var w api.Workspace
			if err := json.Unmarshal([]byte(row.Doc), &w); err != nil {
				return err
			}
			if w.State == StateClosing && w.ClosesAt != nil && !svc.Clock().Before(*w.ClosesAt) {
				due = append(due, ref)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for closed workspaces: %w", err)
	}
	return due, nil
}

// purge deletes every row of the workspace outside of the audit log, whichever
// capability it belongs to.
func purge(ctx context.Context, s *object.Scope, log *audit.Log) (bool, error) {
	// The owner may have stopped the clock since; the row's lock settles it.
	if err := s.BumpAuthz(ctx); err != nil {
		return false, err
	}
	obj, err := s.Get(ctx, api.WorkspaceKind, api.WorkspaceKind.Name)
	if err != nil {
		return false, err
	}
	w := obj.(*api.Workspace)
	if w.State != StateClosing || w.ClosesAt == nil || s.Now.Before(*w.ClosesAt) {
		return false, nil
	}
	tables, err := tablesOfWorkspaces(ctx, s.Tx)
	if err != nil {
		return false, err
	}
	for _, table := range tables {
		if _, err := s.Tx.ExecContext(ctx, `DELETE FROM `+table+` WHERE workspace_id = $1`, s.WorkspaceID); err != nil {
			return false, fmt.Errorf("deleting from %s: %w", table, err)
		}
	}
	if _, err := s.Tx.ExecContext(ctx, `DELETE FROM workspace WHERE id = $1`, s.WorkspaceID); err != nil {
		return false, fmt.Errorf("deleting the workspace: %w", err)
	}
	if err := erasePeople(ctx, s, log); err != nil {
		return false, err
	}
	return true, s.Record("workspace.deleted", audit.Target{Kind: api.WorkspaceKind.Name, ID: s.WorkspaceID, Key: s.Slug}, audit.EffectNarrowed, nil, nil, "the closure clock ran out")
}

// tablesOfWorkspaces asks the engine which tables hold rows of workspaces.
func tablesOfWorkspaces(ctx context.Context, tx *store.Tx) ([]string, error) {
	query := `SELECT t.name FROM sqlite_master t JOIN pragma_table_info(t.name) c ON c.name = 'workspace_id' WHERE t.type = 'table' ORDER BY t.name`
	if tx.Dialect() == store.Postgres {
		query = `SELECT table_name FROM information_schema.columns WHERE table_schema = current_schema() AND column_name = 'workspace_id' ORDER BY table_name`
	}
	names, err := texts(ctx, tx, query)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	var out []string
	for _, name := range names {
		if !strings.HasPrefix(name, "audit_") {
			out = append(out, name)
		}
	}
	return out, nil
}

// erasePeople makes everybody in the workspace's audit log unrecognisable.
func erasePeople(ctx context.Context, s *object.Scope, log *audit.Log) error {
	people, err := texts(ctx, s.Tx, `SELECT person FROM audit_subject WHERE workspace_id = $1 AND person IS NOT NULL ORDER BY person`, s.WorkspaceID)
	if err != nil {
		return fmt.Errorf("listing people in the audit log: %w", err)
	}
	for _, person := range people {
		if _, err := log.Erase(ctx, s.Tx, s.WorkspaceID, person); err != nil {
			return err
		}
	}
	return nil
}

func texts(ctx context.Context, tx *store.Tx, query string, args ...any) ([]string, error) {
	rows, err := tx.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	return out, rows.Err()
}
