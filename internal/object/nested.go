package object

import (
	"context"
	"errors"
	"fmt"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/store"
)

// Nested runs f in this transaction as another caller, in a savepoint: what f did is
// undone when it fails, and the transaction goes on. A simulation makes the requests of
// an identity provider with it, one after the other, and keeps none.
func (s *Scope) Nested(ctx context.Context, c *Caller, f func(*Scope) error) (err error) {
	if _, err := s.Tx.ExecContext(ctx, "SAVEPOINT nested"); err != nil {
		return fmt.Errorf("beginning a nested change: %w", err)
	}
	defer func() {
		if err != nil {
			if _, e := s.Tx.ExecContext(ctx, "ROLLBACK TO nested"); e != nil {
				err = errors.Join(err, e)
			}
		}
		if _, e := s.Tx.ExecContext(ctx, "RELEASE nested"); e != nil {
			err = errors.Join(err, e)
		}
		if errors.Is(err, store.ErrRollback) {
			err = nil
		}
	}()
	scope := s.svc.newScope(s.Tx, c)
	scope.DryRun, scope.write = s.DryRun, s.write
	if err := scope.loadAuthz(ctx); err != nil {
		return err
	}
	if err := f(scope); err != nil {
		return err
	}
	return scope.finish(ctx)
}
