package controlplane

import (
	"context"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/sharing"
)

// enforceSharing makes the rows of shares follow their policy, at the start and every
// hour: after the deadline of grandfather, and for what a change of the policy was too
// large to end at once (X07). Decisions do not wait for it.
func (cp *ControlPlane) enforceSharing(ctx context.Context) {
	tick := time.NewTicker(time.Hour)
	defer tick.Stop()
	for {
		n, err := sharing.EnforceDue(ctx, cp.Service)
		if err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "enforcing sharing policies", "error", err)
		}
		if n > 0 {
			cp.config.Log.InfoContext(ctx, "enforced sharing policies on existing shares", "shares", n)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
