package controlplane

import (
	"context"
	"time"
)

// grantUseInterval is how long the use of a grant may be unwritten: what a crash loses.
const grantUseInterval = time.Minute

// writeGrantUses writes down every minute which grants people outside have used (C072),
// and once more at the end. Hourly it forgets those of grants that are gone.
func (cp *ControlPlane) writeGrantUses(ctx context.Context) {
	tick := time.NewTicker(grantUseInterval)
	defer tick.Stop()
	for minutes := 0; ; minutes++ {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
			defer cancel()
			if _, err := cp.Service.FlushGrantUses(last); err != nil {
				cp.config.Log.Warn("writing down the last uses of grants", "error", err)
			}
			return
		case <-tick.C:
		}
		if _, err := cp.Service.FlushGrantUses(ctx); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "writing down the uses of grants", "error", err)
		}
		if minutes%60 != 0 {
			continue
		}
		if err := cp.Service.PurgeGrantUses(ctx); err != nil && ctx.Err() == nil {
			cp.config.Log.ErrorContext(ctx, "forgetting the uses of grants", "error", err)
		}
	}
}
