package directory

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// defaultRate is the requests per second of one token: far above what identity providers
// send, far below what would starve others.
const (
	defaultRate = 2000
	maxLimited  = 10_000 // tokens remembered
)

// Throttle bounds the requests of each token; 0 is the default. What it answers is how
// long to wait, which the protocol says in Retry-After.
func Throttle(perSecond float64) func(context.Context) time.Duration {
	if perSecond <= 0 {
		perSecond = defaultRate
	}
	var mu sync.Mutex
	buckets := map[string]*rate.Limiter{}
	return func(ctx context.Context) time.Duration {
		s, ok := ctx.Value(sessionKey{}).(*session)
		if !ok {
			return 0
		}
		mu.Lock()
		b := buckets[s.caller.TokenID]
		if b == nil {
			if len(buckets) >= maxLimited {
				clear(buckets)
			}
			b = rate.NewLimiter(rate.Limit(perSecond), max(1, int(2*perSecond)))
			buckets[s.caller.TokenID] = b
		}
		mu.Unlock()
		if b.Allow() {
			return 0
		}
		return time.Duration(max(0, 1-b.Tokens()) / perSecond * float64(time.Second))
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
