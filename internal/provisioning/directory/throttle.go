package directory

import (
	"context"
	"time"

	"github.com/gatehouse-access/terraform-provider-gatehouse/internal/throttle"
)

// Throttle bounds the requests of each token; 0 is the default. What it answers is how
// long to wait, which the protocol says in Retry-After.
func Throttle(perSecond float64) func(context.Context) time.Duration {
	buckets := throttle.ForRequests(perSecond)
	return func(ctx context.Context) time.Duration {
		s, ok := ctx.Value(sessionKey{}).(*session)
		if !ok {
			return 0
		}
		return buckets.Take(s.caller.TokenID)
	}
}

// ConnectionOf names the workspace and the connection of a request that was let in.
func ConnectionOf(ctx context.Context) (workspace, connection string) {
	s, ok := ctx.Value(sessionKey{}).(*session)
	if !ok {
		return "", ""
	}
	return s.caller.WorkspaceSlug, s.caller.Key
}
