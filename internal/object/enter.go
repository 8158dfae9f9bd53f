package object

import (
	"context"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Entered is the workspace that a secret led to, as its row says.
type Entered struct {
	WorkspaceID, Slug string
	AuthzVersion      int64
	PolicyVersion     int64
}

// Enter is View for a caller who brings a secret and no workspace: find looks the
// secret up, with the workspace whose it is, in the transaction in which f then reads.
// It completes the caller; where it finds no workspace, f is not called.
func (s *Service) Enter(ctx context.Context, c *Caller, find func(*store.Tx) (Entered, error), f func(*Scope) error) error {
	return s.DB.Read(ctx, func(tx *store.Tx) error {
		at, err := find(tx)
		if err != nil || at.WorkspaceID == "" {
			return err
		}
		c.WorkspaceID, c.WorkspaceSlug = at.WorkspaceID, at.Slug
		scope := s.newScope(tx, c)
		if scope.authz.snapshot, err = s.authz.at(ctx, tx, at.WorkspaceID, at.AuthzVersion, at.PolicyVersion); err != nil {
			return err
		}
		return f(scope)
	})
}
