package object

import (
	"context"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/api"
)

// Apply makes an object be as the document says, inside the transaction under way:
// authorised, validated and audited like Service.Put. An empty ref takes the key of
// the document.
func (s *Scope) Apply(ctx context.Context, kind *api.Kind, ref string, doc []byte, o WriteOptions) (*Result, error) {
	return s.put(ctx, kind, ref, doc, o)
}

// Remove destroys an object as its kind says, inside the transaction under way.
func (s *Scope) Remove(ctx context.Context, kind *api.Kind, ref string, o WriteOptions) error {
	return s.delete(ctx, kind, ref, o)
}

// Refresh makes this transaction decide by what it has changed itself, policies
// included. What it then reads is remembered for this transaction only. Policies
// that were not changed stay the same engine, so that callers can tell.
func (s *Scope) Refresh(ctx context.Context) error {
	var version, policy int64
	if err := s.Tx.QueryRowContext(ctx, `SELECT authz_version, policy_version FROM workspace WHERE id = $1`, s.WorkspaceID).Scan(&version, &policy); err != nil {
		return fmt.Errorf("reading the workspace: %w", err)
	}
	own, was := newAuthorizer(), s.authz.snapshot
	own.snapshots[s.WorkspaceID] = &snapshot{version: ^version, policy: was.policy, engine: was.engine, sharing: was.sharing}
	fresh, err := own.at(ctx, s.Tx, s.WorkspaceID, version, policy)
	if err != nil {
		return err
	}
	s.authz = authz{snapshot: fresh}
	s.stale, s.sharing = false, nil
	return nil
}

// Version is the workspace's authz_version that this transaction decides with.
func (s *Scope) Version() int64 { return s.authz.snapshot.version }
