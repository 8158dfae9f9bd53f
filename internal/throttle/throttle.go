package throttle

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// DefaultRate is the requests per second of one caller: far above what a client sends
// that means well, far below what would starve the others.
const DefaultRate = 2000

// maxNames bounds the buckets in memory. When there are more, all are forgotten, which
// errs on the side of serving.
const maxNames = 50_000

// Buckets are token buckets of one size. Safe for use by many goroutines.
type Buckets struct {
	rate  rate.Limit
	burst int

	mu     sync.Mutex
	byName map[string]*rate.Limiter
}

// New makes buckets that refill at a rate per second and hold burst.
func New(perSecond float64, burst int) *Buckets {
	return &Buckets{rate: rate.Limit(perSecond), burst: max(1, burst), byName: map[string]*rate.Limiter{}}
}

// ForRequests makes the buckets of callers: a rate per second (0 for DefaultRate), and
// two seconds of it at once.
func ForRequests(perSecond float64) *Buckets {
	if perSecond <= 0 {
		perSecond = DefaultRate
	}
	return New(perSecond, int(2*perSecond))
}

func (b *Buckets) bucket(name string) *rate.Limiter {
	b.mu.Lock()
	defer b.mu.Unlock()
	l := b.byName[name]
	if l == nil {
		if len(b.byName) >= maxNames {
			clear(b.byName)
		}
		l = rate.NewLimiter(b.rate, b.burst)
		b.byName[name] = l
	}
	return l
}

// Take takes one out of a bucket; when it is empty, it answers how long to wait.
func (b *Buckets) Take(name string) time.Duration {
	l := b.bucket(name)
	if l.Allow() {
		return 0
	}
	return untilOne(l)
}

// Wait is how long it takes until a bucket holds one; it takes nothing.
func (b *Buckets) Wait(name string) time.Duration { return untilOne(b.bucket(name)) }

func untilOne(l *rate.Limiter) time.Duration {
	missing := 1 - l.Tokens()
	if missing <= 0 {
		return 0
	}
	return time.Duration(missing / float64(l.Limit()) * float64(time.Second))
}
