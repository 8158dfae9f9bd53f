package object

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// sighting is the version of a workspace as a request met it: who looks up a token
// reads it in the same statement. The first question of that request may be decided by
// it, where everything needed is in memory at that version; every later one reads the
// version again.
type sighting struct {
	workspace     string
	authz, policy int64
	at            time.Time
	taken         atomic.Bool
}

// maxSighting bounds how long a sighting counts, so that a request whose body takes
// its time is decided by what holds when the body has come.
const maxSighting = 20 * time.Millisecond

// errMoved ends a reading that was begun by a version which is not the newest one.
var errMoved = errors.New("object: the workspace has changed meanwhile")

// Saw notes the versions of the caller's workspace (workspace.authz_version and
// policy_version), which were read for this request after the given moment.
func (c *Caller) Saw(after time.Time, authz, policy int64) {
	c.saw = &sighting{workspace: c.WorkspaceID, authz: authz, policy: policy, at: after}
}

// take answers the versions, once, while they count.
func (g *sighting) take(workspace string) bool {
	return g != nil && g.workspace == workspace && g.taken.CompareAndSwap(false, true) && time.Since(g.at) < maxSighting
}

// viewSighted runs f by what is in memory at the version that the request has met. A
// transaction begins with f's first statement; when the workspace has moved on by then,
// nothing counts that f has decided, and done is false.
func (s *Service) viewSighted(ctx context.Context, c *Caller, f func(*Scope) error) (done bool, err error) {
	if !c.saw.take(c.WorkspaceID) {
		return false, nil
	}
	snap := s.authz.known(c.WorkspaceID, c.saw.authz, c.saw.policy)
	if snap == nil {
		return false, nil
	}
	begun := func(tx *store.Tx) error {
		var version int64
		if err := tx.QueryRowContext(ctx, `SELECT authz_version FROM workspace WHERE id = $1`, c.WorkspaceID).Scan(&version); err != nil {
			return fmt.Errorf("reading the workspace: %w", err)
		}
		if version != snap.version {
			return errMoved
		}
		return nil
	}
	err = s.DB.ReadLater(ctx, begun, func(tx *store.Tx) error {
		scope := s.newScope(tx, c)
		scope.authz.snapshot = snap
		return f(scope)
	})
	return !errors.Is(err, errMoved), err
}

// known is the snapshot of exactly these versions, when it is in memory.
func (a *authorizer) known(workspace string, version, policy int64) *snapshot {
	a.mu.Lock()
	defer a.mu.Unlock()
	if snap := a.snapshots[workspace]; snap != nil && snap.version == version && snap.policy == policy {
		return snap
	}
	return nil
}
