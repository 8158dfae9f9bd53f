package server

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limits per second. They protect this replica from one caller; fairness across
// replicas is the load balancer's.
const (
	defaultRate   = 2000
	failureRate   = 5      // bad tokens per second and address
	failureBurst  = 50     // bad tokens at once
	maxLimitNames = 50_000 // buckets in memory
)

// limiter keeps token buckets by name. It forgets all when there are too many, which
// errs on the side of serving.
type limiter struct {
	perSecond rate.Limit
	mu        sync.Mutex
	buckets   map[string]*rate.Limiter
	good      map[string]bool // digests of tokens that counted when they were last used
}

func newLimiter(perSecond float64) *limiter {
	if perSecond <= 0 {
		perSecond = defaultRate
	}
	return &limiter{perSecond: rate.Limit(perSecond), buckets: map[string]*rate.Limiter{}, good: map[string]bool{}}
}

func (l *limiter) bucket(name string, r rate.Limit, burst int) *rate.Limiter {
	l.mu.Lock()
	defer l.mu.Unlock()
	b := l.buckets[name]
	if b == nil {
		if len(l.buckets) >= maxLimitNames {
			l.buckets = map[string]*rate.Limiter{}
		}
		b = rate.NewLimiter(r, burst)
		l.buckets[name] = b
	}
	return b
}

// wait takes one request from a caller's bucket; when it is empty, it says how long
// to wait.
func (l *limiter) wait(name string) time.Duration {
	b := l.bucket(name, l.perSecond, max(1, int(l.perSecond*2)))
	if b.Allow() {
		return 0
	}
	return untilOne(b)
}

// failed counts a bad credential of an address.
func (l *limiter) failed(name string) { l.bucket(name, failureRate, failureBurst).Allow() }

// failing says how long an address that sent too many bad credentials must wait.
func (l *limiter) failing(name string) time.Duration {
	return untilOne(l.bucket(name, failureRate, failureBurst))
}

// untilOne is how long it takes until a bucket holds a whole token.
func untilOne(b *rate.Limiter) time.Duration {
	missing := 1 - b.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(b.Limit()) * float64(time.Second))
}

// note remembers whether a token counted. It opens nothing: it lets a good token pass
// the throttle of an address that it shares with somebody's bad one, to be looked up.
func (l *limiter) note(digest string, good bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !good {
		delete(l.good, digest)
		return
	}
	if len(l.good) >= maxLimitNames {
		l.good = map[string]bool{}
	}
	l.good[digest] = true
}

func (l *limiter) wasGood(digest string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.good[digest]
}
