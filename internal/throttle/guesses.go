package throttle

import (
	"net/netip"
	"sync"
	"time"
)

const (
	guessRate  = 5  // bad secrets per second and network
	guessBurst = 50 // bad secrets at once
)

// Guesses bounds how often one network may show secrets that do not count. A secret
// that counted when it was last shown passes all the same, to be looked up: people
// share addresses with a job that has a bad token. Safe for use by many goroutines.
type Guesses struct {
	bad *Buckets

	mu   sync.Mutex
	good map[string]bool // digests of secrets that counted when they were last shown
}

// NewGuesses begins to count.
func NewGuesses() *Guesses {
	return &Guesses{bad: New(guessRate, guessBurst), good: map[string]bool{}}
}

// Wait says how long an address must wait before it may show the secret of a digest.
func (g *Guesses) Wait(address, digest string) time.Duration {
	wait := g.bad.Wait(network(address))
	if wait == 0 || g.wasGood(digest) {
		return 0
	}
	return wait
}

// Note counts what became of a secret.
func (g *Guesses) Note(address, digest string, good bool) {
	if !good {
		g.bad.Take(network(address))
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !good {
		delete(g.good, digest)
		return
	}
	if len(g.good) >= maxNames {
		clear(g.good)
	}
	g.good[digest] = true
}

func (g *Guesses) wasGood(digest string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.good[digest]
}

// network is what one sender has: an IPv4 address, or an IPv6 /64.
func network(address string) string {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return address
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}
